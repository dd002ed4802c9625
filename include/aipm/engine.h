#ifndef AIPM_ENGINE_H
#define AIPM_ENGINE_H

#include "aipm/cancel.h"
#include "aipm/err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * engine: docker or podman, asked through its own command line.
 *
 * Every question has 60 seconds, and a stop 60 more than its container;
 * an engine that takes longer counts as one that does not answer.  Failures
 * have the class AIPM_FAILED and quote the first line the engine said.
 */
struct aipm_engine {
	const char *command; /* borrowed: a name in PATH, or a path */
	/* Ends questions, never a stop or start under way; may be NULL. */
	const struct aipm_cancel *cancel;
};

enum aipm_container_state {
	AIPM_CONTAINER_DOWN, /* whatever is none of the others */
	AIPM_CONTAINER_RUNNING, /* restarting counts too: it may write */
	AIPM_CONTAINER_PAUSED
};

enum aipm_health {
	AIPM_HEALTH_NONE, /* it has no check */
	AIPM_HEALTH_STARTING,
	AIPM_HEALTH_GOOD,
	AIPM_HEALTH_BAD
};

struct aipm_mount {
	char *source; /* owned; path on the host, "" if there is none */
	char *volume; /* owned; a volume's name; NULL for a bind mount */
	char *device; /* owned; the path that a volume's options name, or
			NULL */
	bool writable;
};

/* A container as inspect tells it.  All strings are owned. */
struct aipm_container {
	char *id; /* whole */
	char *name; /* without the slash; the id if it has odd bytes */
	char *created; /* RFC 3339 without its zone: compares as text within
			one engine */
	char *project, *service; /* Compose labels; NULL where there is none */
	char *working_dir;
	char *depends_on; /* "redis:service_started:false,..." */
	char *started; /* when, the last time; text of the engine */
	enum aipm_container_state state;
	bool restarting; /* it runs, or waits to be started again */
	enum aipm_health health; /* while it runs */
	int exit_code; /* of the last time it ended */
	int timeout; /* its own stop timeout in seconds, or -1 */
	bool remove; /* --rm: a stop removes it */
	struct aipm_mount *mounts; /* bind mounts and volumes only */
	size_t nmounts;
};

struct aipm_containers {
	struct aipm_container *v; /* owned */
	size_t n;
};

/*
 * The engine's command into *command (borrowed): wanted if not NULL, else
 * docker if it is in PATH, else podman.  -1, class AIPM_NOCOMMAND or
 * AIPM_NOEXEC: there is none.
 */
int aipm_engine_find(
    const char **command, const char *wanted, struct aipm_err *err);

/* Whether its daemon answers. */
int aipm_engine_ping(const struct aipm_engine *e, struct aipm_err *err);

/*
 * The containers that run, are paused or are restarting (by the time they
 * were looked at one may be down), and those of the n whole ids that exist,
 * in whatever state; with the devices of their volumes.  *c need not be
 * initialised; aipm_containers_free() releases it.  Failure: *c is empty.
 */
int aipm_engine_running(const struct aipm_engine *e, const char *const *ids,
    size_t n, struct aipm_containers *c, struct aipm_err *err);

/* The same for those ids alone, and without devices. */
int aipm_engine_look(const struct aipm_engine *e, const char *const *ids,
    size_t n, struct aipm_containers *c, struct aipm_err *err);

/* The same for the one of that name: c->n is 1, or 0 without one. */
int aipm_engine_named(const struct aipm_engine *e, const char *name,
    struct aipm_containers *c, struct aipm_err *err);

/* Stop one; timeout is for stop -t, or -1 for the container's own, which is
 * own (-1 if it has none).  One that does not run is success. */
int aipm_engine_stop(const struct aipm_engine *e, const char *id, int timeout,
    int own, struct aipm_err *err);

/*
 * Stop n at once, each as above with the timeouts of the slowest.  A failure
 * may leave any of them running.
 */
int aipm_engine_stop_all(const struct aipm_engine *e, const char *const *ids,
    size_t n, int timeout, int own, struct aipm_err *err);

/*
 * "start", "pause" or "unpause" n, in that order; 60 seconds for each.  One
 * that fails does not keep the engine from the others.
 */
int aipm_engine_tell(const struct aipm_engine *e, const char *verb,
    const char *const *ids, size_t n, struct aipm_err *err);

/* Whether environment variables make the engine another machine's. */
bool aipm_engine_is_remote(void);

/* The one of that id, or NULL. */
const struct aipm_container *aipm_containers_find(
    const struct aipm_containers *c, const char *id);

void aipm_containers_free(struct aipm_containers *c);

#endif
