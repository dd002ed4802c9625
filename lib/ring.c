#include "aipm/ring.h"

#include "aipm/compat.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum state { PRODUCED, FETCHING, FETCHED, WORKING, DONE, FAILED };

struct slot {
	enum state state;
	struct aipm_err err; /* FAILED */
	void *job;
};

/*
 * Slots are used round and round; a job's number modulo their count is its
 * slot.
 *
 * Threads are woken for several jobs at a time where nobody loses by it: the
 * producer when half of the slots are empty, the caller when a few jobs are
 * done or nothing is in work any more.
 *
 * A signal on `ready` goes with every job that is produced.  What a job that
 * has been fetched and a number that is given back make possible is done by
 * the thread that brings it about, without one: see next_step().
 *
 * As many threads as workers do all of it while nothing has to be waited for.
 * When a fetch had to wait, for the next WARM jobs the others help, which else
 * would only be in the way: they wait for `more`.
 */
enum { WARM = 64 };

struct aipm_ring {
	struct aipm_ring_options o;
	pthread_mutex_t lock;
	pthread_cond_t freed, ready, more, done;
	struct slot *slots;
	uint64_t produced, drained; /* jobs */
	uint64_t fetched; /* jobs before it are fetched, or being fetched */
	unsigned cold; /* fetches until the storage counts as fast again */
	bool handed; /* the job `drained` is with the caller */
	bool ended; /* the producer will bring no more */
	bool stop; /* give up */
	unsigned *numbers; /* those that are free */
	unsigned nnumbers;
	pthread_t producer, *threads;
	bool producing;
	unsigned nthreads, running;
};

static struct slot *
slot_of(const struct aipm_ring *r, uint64_t job)
{
	return &r->slots[job % r->o.slots];
}

/* Whether it is worth the caller's while to wake up. */
static bool
enough_done(const struct aipm_ring *r)
{
	uint64_t job = r->drained, batch = r->o.slots / 4;

	while (job < r->produced && slot_of(r, job)->state >= DONE)
		if (++job - r->drained >= batch)
			return true;
	return job == r->produced && job > r->drained;
}

/* Set the state of a job, whose callback returned result. */
static void
settle(struct aipm_ring *r, uint64_t job, enum state state, int result,
    const struct aipm_err *err)
{
	struct slot *s = slot_of(r, job);

	s->state = state;
	if (result == -1) {
		s->state = FAILED;
		s->err = *err;
	}
	if (s->state >= DONE && enough_done(r))
		(void)pthread_cond_signal(&r->done);
}

/* A slot to fill, waited for; NULL if nobody wants more. */
static struct slot *
empty_slot(struct aipm_ring *r)
{
	if (r->produced - r->drained == r->o.slots)
		while (!r->stop && r->produced - r->drained > r->o.slots / 2)
			(void)pthread_cond_wait(&r->freed, &r->lock);
	return r->stop ? NULL : slot_of(r, r->produced);
}

static void *
produce(void *arg)
{
	struct aipm_ring *r = arg;
	struct aipm_err err;
	struct slot *s;
	int result = 1;

	(void)pthread_mutex_lock(&r->lock);
	while (result == 1 && (s = empty_slot(r)) != NULL) {
		(void)pthread_mutex_unlock(&r->lock);
		result = r->o.produce(r->o.ctx, s->job, &err);
		(void)pthread_mutex_lock(&r->lock);
		if (result == 0)
			break;
		settle(r, r->produced++, PRODUCED, result, &err);
		(void)pthread_cond_signal(&r->ready);
		if (r->cold > 0)
			(void)pthread_cond_signal(&r->more);
	}
	r->ended = true;
	(void)pthread_cond_broadcast(&r->ready);
	(void)pthread_cond_broadcast(&r->more);
	(void)pthread_cond_signal(&r->done);
	(void)pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* The first job from `from` on in that state; false if there is none. */
static bool
find(const struct aipm_ring *r, uint64_t from, enum state state, uint64_t *job)
{
	for (*job = from; *job < r->produced; ++*job)
		if (slot_of(r, *job)->state == state)
			return true;
	return false;
}

/* Fetch that job; the lock is held before and after. */
static void
fetch(struct aipm_ring *r, uint64_t job)
{
	struct aipm_err err;
	uint64_t mark = 0;
	bool waited;
	int result;

	(void)pthread_mutex_unlock(&r->lock);
	(void)aipm_compat_waited(&mark);
	result = r->o.fetch(r->o.ctx, slot_of(r, job)->job, &err);
	waited = aipm_compat_waited(&mark);
	(void)pthread_mutex_lock(&r->lock);
	if (waited) {
		if (r->cold == 0)
			(void)pthread_cond_broadcast(&r->more);
		r->cold = WARM;
	} else if (r->cold > 0)
		r->cold--;
	settle(r, job, FETCHED, result, &err);
}

/*
 * Fetch or work on one job, the oldest that can be.  Work comes first: what
 * is fetched far ahead has left the caches when it is worked on.  False if
 * there is nothing to do now.
 */
static bool
next_step(struct aipm_ring *r)
{
	struct aipm_err err;
	uint64_t job;
	int result = 0;

	if (r->nnumbers > 0 && find(r, r->drained, FETCHED, &job)) {
		unsigned number = r->numbers[--r->nnumbers];

		slot_of(r, job)->state = WORKING;
		(void)pthread_mutex_unlock(&r->lock);
		result = r->o.work(
		    r->o.ctx, number, slot_of(r, job)->job, &err);
		(void)pthread_mutex_lock(&r->lock);
		r->numbers[r->nnumbers++] = number;
		settle(r, job, DONE, result, &err);
		return true;
	}
	if (!find(r, r->fetched, PRODUCED, &job))
		return false;
	r->fetched = job + 1;
	slot_of(r, job)->state = FETCHING;
	if (r->o.fetch != NULL)
		fetch(r, job);
	else
		settle(r, job, FETCHED, 0, &err);
	return true;
}

/* Whether there is, or will be, something that nobody works on yet. */
static bool
is_left(const struct aipm_ring *r)
{
	if (!r->ended)
		return true;
	for (uint64_t job = r->drained; job < r->produced; job++)
		if (slot_of(r, job)->state < WORKING)
			return true;
	return false;
}

static void *
run(void *arg)
{
	struct aipm_ring *r = arg;
	bool helper;

	(void)pthread_mutex_lock(&r->lock);
	helper = r->running++ >= r->o.workers;
	while (!r->stop)
		if ((helper && r->cold == 0) || !next_step(r)) {
			/* What a helper leaves is for the others. */
			if (helper)
				(void)pthread_cond_signal(&r->ready);
			if (helper ? r->ended : !is_left(r))
				break;
			(void)pthread_cond_wait(
			    helper ? &r->more : &r->ready, &r->lock);
		}
	(void)pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* The number of threads that fetch and work. */
static unsigned
threads_of(const struct aipm_ring_options *o)
{
	return o->fetch != NULL && o->readers > o->workers ? o->readers
	                                                   : o->workers;
}

static int
make(struct aipm_ring *r)
{
	r->slots = calloc(r->o.slots, sizeof(*r->slots));
	r->threads = calloc(threads_of(&r->o), sizeof(*r->threads));
	r->numbers = calloc(r->o.workers, sizeof(*r->numbers));
	if (r->slots == NULL || r->threads == NULL || r->numbers == NULL)
		return -1;
	for (size_t i = 0; i < r->o.slots; i++)
		if ((r->slots[i].job = calloc(1, r->o.slot_size)) == NULL)
			return -1;
	/* The last one is taken first. */
	while (r->nnumbers < r->o.workers) {
		r->numbers[r->nnumbers] = r->o.workers - 1 - r->nnumbers;
		r->nnumbers++;
	}
	return 0;
}

static void
start(struct aipm_ring *r)
{
	unsigned wanted = threads_of(&r->o);
	sigset_t all, old;

	sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r->producing = pthread_create(&r->producer, NULL, produce, r) == 0;
	while (r->producing && r->nthreads < wanted &&
	       pthread_create(&r->threads[r->nthreads], NULL, run, r) == 0)
		r->nthreads++;
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
}

int
aipm_ring_open(struct aipm_ring **out, const struct aipm_ring_options *o,
    struct aipm_err *err)
{
	struct aipm_ring *r = calloc(1, sizeof(*r));

	*out = NULL;
	if (r == NULL)
		return aipm_err_nomem(err);
	r->o = *o;
	(void)pthread_mutex_init(&r->lock, NULL);
	(void)pthread_cond_init(&r->freed, NULL);
	(void)pthread_cond_init(&r->ready, NULL);
	(void)pthread_cond_init(&r->more, NULL);
	(void)pthread_cond_init(&r->done, NULL);
	if (make(r) == -1) {
		aipm_ring_close(r);
		return aipm_err_nomem(err);
	}
	start(r);
	if (r->nthreads == 0) {
		aipm_ring_close(r);
		return aipm_err_set(err, AIPM_FAILED, "cannot start a thread");
	}
	*out = r;
	return 0;
}

/* Wait for the job that is next in order; the lock is held. */
static int
await(struct aipm_ring *r, void **slot, struct aipm_err *err)
{
	const struct slot *s = slot_of(r, r->drained);

	while (r->drained == r->produced || s->state < DONE) {
		if (r->drained == r->produced && r->ended)
			return 0;
		(void)pthread_cond_wait(&r->done, &r->lock);
	}
	if (s->state == FAILED) {
		*err = s->err;
		return -1;
	}
	*slot = s->job;
	r->handed = true;
	return 1;
}

int
aipm_ring_next(struct aipm_ring *r, void **slot, struct aipm_err *err)
{
	int result;

	if (aipm_cancel_check(&r->o.cancel, err) == -1)
		return -1;
	(void)pthread_mutex_lock(&r->lock);
	if (r->handed) {
		r->handed = false;
		r->drained++;
		if (r->produced - r->drained <= r->o.slots / 2)
			(void)pthread_cond_signal(&r->freed);
	}
	result = await(r, slot, err);
	(void)pthread_mutex_unlock(&r->lock);
	return result;
}

static void
join(struct aipm_ring *r)
{
	(void)pthread_mutex_lock(&r->lock);
	r->stop = true;
	(void)pthread_cond_broadcast(&r->ready);
	(void)pthread_cond_broadcast(&r->more);
	(void)pthread_cond_broadcast(&r->freed);
	(void)pthread_mutex_unlock(&r->lock);
	if (r->producing)
		(void)pthread_join(r->producer, NULL);
	while (r->nthreads > 0)
		(void)pthread_join(r->threads[--r->nthreads], NULL);
}

void
aipm_ring_close(struct aipm_ring *r)
{
	if (r == NULL)
		return;
	join(r);
	for (size_t i = 0; r->slots != NULL && i < r->o.slots; i++) {
		if (r->slots[i].job != NULL)
			r->o.release(r->o.ctx, r->slots[i].job);
		free(r->slots[i].job);
	}
	(void)pthread_cond_destroy(&r->done);
	(void)pthread_cond_destroy(&r->more);
	(void)pthread_cond_destroy(&r->ready);
	(void)pthread_cond_destroy(&r->freed);
	(void)pthread_mutex_destroy(&r->lock);
	free(r->numbers);
	free(r->threads);
	free(r->slots);
	free(r);
}
