#include "aipm/ring.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum state { FREE, READY, TAKEN, DONE, FAILED };

struct slot {
	enum state state;
	struct aipm_err err; /* FAILED */
	void *job;
};

/* Slots are used round and round; a job's number modulo their count is its
 * slot. */
struct run {
	const struct aipm_ring *ring;
	pthread_mutex_t lock;
	pthread_cond_t freed, ready, done;
	struct slot *slots;
	uint64_t produced, taken, drained; /* jobs */
	bool ended; /* the producer will bring no more */
	bool stop; /* give up */
};

struct worker {
	struct run *run;
	unsigned number;
	pthread_t thread;
};

static struct slot *
slot_of(struct run *run, uint64_t job)
{
	return &run->slots[job % run->ring->slots];
}

static void
fail(struct slot *s, const struct aipm_err *err)
{
	s->state = FAILED;
	s->err = *err;
}

static void *
produce(void *arg)
{
	struct run *run = arg;
	struct aipm_err err;
	struct slot *s;
	int r = 1;

	(void)pthread_mutex_lock(&run->lock);
	while (r == 1) {
		while (!run->stop &&
		       run->produced - run->drained == run->ring->slots)
			(void)pthread_cond_wait(&run->freed, &run->lock);
		if (run->stop)
			break;
		s = slot_of(run, run->produced);
		(void)pthread_mutex_unlock(&run->lock);
		r = run->ring->produce(run->ring->ctx, s->job, &err);
		(void)pthread_mutex_lock(&run->lock);
		if (r == 0)
			break;
		s->state = READY;
		if (r == -1)
			fail(s, &err);
		run->produced++;
		(void)pthread_cond_signal(&run->ready);
		if (r == -1)
			(void)pthread_cond_signal(&run->done);
	}
	run->ended = true;
	(void)pthread_cond_broadcast(&run->ready);
	(void)pthread_cond_signal(&run->done);
	(void)pthread_mutex_unlock(&run->lock);
	return NULL;
}

/* The next job for a worker, waited for; NULL at the end. */
static struct slot *
take(struct run *run)
{
	for (;;) {
		if (run->stop)
			return NULL;
		if (run->taken < run->produced) {
			struct slot *s = slot_of(run, run->taken++);

			if (s->state != READY)
				continue;
			s->state = TAKEN;
			return s;
		}
		if (run->ended)
			return NULL;
		(void)pthread_cond_wait(&run->ready, &run->lock);
	}
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct run *run = w->run;
	struct aipm_err err;
	struct slot *s;
	int r;

	(void)pthread_mutex_lock(&run->lock);
	while ((s = take(run)) != NULL) {
		(void)pthread_mutex_unlock(&run->lock);
		r = run->ring->work(run->ring->ctx, w->number, s->job, &err);
		(void)pthread_mutex_lock(&run->lock);
		s->state = DONE;
		if (r == -1)
			fail(s, &err);
		(void)pthread_cond_signal(&run->done);
	}
	(void)pthread_mutex_unlock(&run->lock);
	return NULL;
}

/* 1 with the next job in order, 0 at the end, -1; the lock is held. */
static int
await(struct run *run, struct slot **out, struct aipm_err *err)
{
	for (;;) {
		struct slot *s = slot_of(run, run->drained);

		if (run->drained < run->produced) {
			if (s->state == FAILED) {
				*err = s->err;
				return -1;
			}
			if (s->state == DONE) {
				*out = s;
				return 1;
			}
		} else if (run->ended)
			return 0;
		(void)pthread_cond_wait(&run->done, &run->lock);
	}
}

static int
drain_all(struct run *run, struct aipm_err *err)
{
	struct slot *s;
	int r;

	(void)pthread_mutex_lock(&run->lock);
	while ((r = await(run, &s, err)) == 1) {
		(void)pthread_mutex_unlock(&run->lock);
		r = aipm_cancel_check(&run->ring->cancel, err);
		if (r == 0)
			r = run->ring->drain(run->ring->ctx, s->job, err);
		(void)pthread_mutex_lock(&run->lock);
		if (r == -1)
			break;
		s->state = FREE;
		run->drained++;
		(void)pthread_cond_signal(&run->freed);
	}
	(void)pthread_mutex_unlock(&run->lock);
	return r;
}

static void
stop(struct run *run)
{
	(void)pthread_mutex_lock(&run->lock);
	run->stop = true;
	(void)pthread_cond_broadcast(&run->ready);
	(void)pthread_cond_broadcast(&run->freed);
	(void)pthread_mutex_unlock(&run->lock);
}

static bool
start_worker(struct run *run, struct worker *w, unsigned number)
{
	w->run = run;
	w->number = number;
	return pthread_create(&w->thread, NULL, work, w) == 0;
}

static int
run_threads(struct run *run, struct worker *workers, struct aipm_err *err)
{
	pthread_t producer;
	sigset_t all, old;
	unsigned n = 0;
	bool producing;
	int r;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	producing = pthread_create(&producer, NULL, produce, run) == 0;
	while (producing && n < run->ring->workers &&
	       start_worker(run, &workers[n], n))
		n++;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	/* Fewer workers than wanted do the same work. */
	if (n > 0)
		r = drain_all(run, err);
	else
		r = aipm_err_set(err, AIPM_FAILED, "cannot start a thread");
	stop(run);
	if (producing)
		(void)pthread_join(producer, NULL);
	while (n > 0)
		(void)pthread_join(workers[--n].thread, NULL);
	return r;
}

static void
release_slots(struct run *run)
{
	for (size_t i = 0; run->slots != NULL && i < run->ring->slots; i++) {
		if (run->slots[i].job != NULL)
			run->ring->release(run->ring->ctx, run->slots[i].job);
		free(run->slots[i].job);
	}
	free(run->slots);
}

static int
make_slots(struct run *run)
{
	const struct aipm_ring *r = run->ring;

	if ((run->slots = calloc(r->slots, sizeof(*run->slots))) == NULL)
		return -1;
	for (size_t i = 0; i < r->slots; i++)
		if ((run->slots[i].job = calloc(1, r->slot_size)) == NULL)
			return -1;
	return 0;
}

int
aipm_ring_run(const struct aipm_ring *r, struct aipm_err *err)
{
	struct run run = { .ring = r };
	struct worker *workers = calloc(r->workers, sizeof(*workers));
	int result;

	if (workers == NULL || make_slots(&run) == -1) {
		release_slots(&run);
		free(workers);
		return aipm_err_nomem(err);
	}
	(void)pthread_mutex_init(&run.lock, NULL);
	(void)pthread_cond_init(&run.freed, NULL);
	(void)pthread_cond_init(&run.ready, NULL);
	(void)pthread_cond_init(&run.done, NULL);
	result = run_threads(&run, workers, err);
	(void)pthread_cond_destroy(&run.done);
	(void)pthread_cond_destroy(&run.ready);
	(void)pthread_cond_destroy(&run.freed);
	(void)pthread_mutex_destroy(&run.lock);
	release_slots(&run);
	free(workers);
	return result;
}
