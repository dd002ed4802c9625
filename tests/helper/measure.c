/*
 * measure: what a command costs.
 *
 *	measure FILE COMMAND [ARGUMENT...]
 *
 * runs COMMAND and writes into FILE, on one line: wall seconds, CPU seconds
 * (user and system, of COMMAND and of every process it waited for), and the
 * peak memory in KiB of the largest single process among them.  Its exit
 * status is that of COMMAND, or 128 and the signal.
 *
 * It is a program of its own because Linux counts into a process's peak what
 * the process was before exec: a child of a Python would look as big as
 * Python.  This one is small.
 */
#include <sys/resource.h>
#include <sys/wait.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static int
report(const char *file, double wall)
{
	struct rusage u;
	FILE *f;

	if (getrusage(RUSAGE_CHILDREN, &u) == -1)
		return -1;
	if ((f = fopen(file, "w")) == NULL)
		return -1;
	fprintf(f, "%.6f %.6f %ld\n", wall,
	    seconds(u.ru_utime) + seconds(u.ru_stime), u.ru_maxrss);
	return fclose(f);
}

int
main(int argc, char **argv)
{
	double start = now();
	pid_t pid;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: measure FILE COMMAND...\n");
		return 2;
	}
	if ((pid = fork()) == 0) {
		execvp(argv[2], argv + 2);
		perror(argv[2]);
		_exit(127);
	}
	if (pid == -1 || waitpid(pid, &status, 0) == -1) {
		perror("measure");
		return 126;
	}
	if (report(argv[1], now() - start) == -1) {
		perror(argv[1]);
		return 126;
	}
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status);
}
