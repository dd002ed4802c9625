#include "aipm/ring.h"

#include <criterion/criterion.h>

#include <stdatomic.h>
#include <time.h>

struct state {
	int made, last, fail_at, produce_fail_at, fetch_fail_at;
	atomic_int released;
	atomic_int fetching, most_fetching;
	atomic_int busy[16]; /* by worker number */
	unsigned workers;
	struct timespec wait; /* what a fetch takes, */
	int waits; /* of the jobs before this number; 0: of all */
};

struct slot {
	int number, fetched, result;
};

static int
produce(void *ctx, void *slot, struct aipm_err *err)
{
	struct state *s = ctx;

	if (s->made == s->last)
		return 0;
	if (s->made == s->produce_fail_at)
		return aipm_err_set(err, AIPM_FAILED, "produce %d", s->made);
	((struct slot *)slot)->number = s->made++;
	return 1;
}

static int
fetch(void *ctx, void *slot, struct aipm_err *err)
{
	struct state *s = ctx;
	struct slot *j = slot;
	int now = atomic_fetch_add(&s->fetching, 1) + 1;
	int most = s->most_fetching;

	while (most < now &&
	       !atomic_compare_exchange_weak(&s->most_fetching, &most, now))
		;
	if (s->wait.tv_nsec != 0 && (s->waits == 0 || j->number < s->waits))
		(void)nanosleep(&s->wait, NULL);
	j->fetched = j->number + 1;
	atomic_fetch_sub(&s->fetching, 1);
	if (j->number == s->fetch_fail_at)
		return aipm_err_set(err, AIPM_FAILED, "fetch %d", j->number);
	return 0;
}

static int
work(void *ctx, unsigned number, void *slot, struct aipm_err *err)
{
	struct state *s = ctx;
	struct slot *j = slot;
	volatile int spin = (j->number * 7919) % 5000;

	if (number >= s->workers || atomic_fetch_add(&s->busy[number], 1) != 0)
		return aipm_err_set(err, AIPM_FAILED, "number in use");
	while (spin > 0)
		spin--;
	atomic_fetch_sub(&s->busy[number], 1);
	if (j->number == s->fail_at)
		return aipm_err_set(err, AIPM_DAMAGED, "work %d", j->number);
	j->result = j->number * 2 + j->fetched;
	j->fetched = 0;
	return 0;
}

static void
release(void *ctx, void *slot)
{
	(void)slot;
	((struct state *)ctx)->released++;
}

static struct state
state_of(int last)
{
	return (struct state){ .last = last,
		.fail_at = -1,
		.produce_fail_at = -1,
		.fetch_fail_at = -1 };
}

static struct aipm_ring_options
options_of(struct state *s, unsigned workers, unsigned readers)
{
	s->workers = workers;
	return (struct aipm_ring_options){ .workers = workers,
		.readers = readers,
		.slots = workers + 3,
		.slot_size = sizeof(struct slot),
		.ctx = s,
		.produce = produce,
		.fetch = readers > 0 ? fetch : NULL,
		.work = work,
		.release = release };
}

/* Take all there is: what the last aipm_ring_next() returned. */
static int
run(const struct aipm_ring_options *o, int *taken, struct aipm_err *err)
{
	struct aipm_ring *r;
	void *slot;
	int result;

	*taken = 0;
	cr_assert_eq(aipm_ring_open(&r, o, err), 0);
	while ((result = aipm_ring_next(r, &slot, err)) == 1) {
		const struct slot *j = slot;
		int fetched = o->fetch != NULL ? j->number + 1 : 0;

		cr_assert_eq(j->number, *taken);
		cr_assert_eq(j->result, 2 * j->number + fetched);
		++*taken;
	}
	cr_assert_eq(aipm_ring_next(r, &slot, err), result);
	aipm_ring_close(r);
	return result;
}

Test(ring, hands_out_in_order_with_any_number_of_threads)
{
	for (unsigned workers = 1; workers < 9; workers++)
		for (unsigned readers = 0; readers < 17; readers += 4) {
			struct state s = state_of(1000);
			struct aipm_ring_options o = options_of(
			    &s, workers, readers);
			struct aipm_err err;
			int taken;

			cr_assert_eq(run(&o, &taken, &err), 0, "%s", err.text);
			cr_assert_eq(taken, 1000);
			cr_assert_eq(s.released, (int)workers + 3);
		}
}

Test(ring, fetches_more_at_a_time_than_it_works_on)
{
	struct state s = state_of(100);
	struct aipm_ring_options o = options_of(&s, 1, 8);
	struct aipm_err err;
	int taken;

	s.wait.tv_nsec = 2000000;
	o.slots = 16;
	cr_assert_eq(run(&o, &taken, &err), 0);
	cr_assert_eq(taken, 100);
	cr_assert_gt(s.most_fetching, 4);
	cr_assert_leq(s.most_fetching, 8);
}

/* The storage counts as fast again just when all has been produced. */
Test(ring, what_helpers_fetch_last_is_worked_on, .timeout = 60)
{
	for (int i = 0; i < 3000; i++) {
		struct state s = state_of(64 + i % 16);
		struct aipm_ring_options o = options_of(&s, 2, 8);
		struct aipm_err err;
		int taken;

		s.wait.tv_nsec = 50000;
		s.waits = 1 + i % 7;
		o.slots = 14;
		cr_assert_eq(run(&o, &taken, &err), 0);
		cr_assert_eq(taken, s.last);
	}
}

Test(ring, one_slot_is_enough)
{
	struct state s = state_of(100);
	struct aipm_ring_options o = options_of(&s, 2, 4);
	struct aipm_err err;
	int taken;

	o.slots = 1;
	cr_assert_eq(run(&o, &taken, &err), 0);
	cr_assert_eq(taken, 100);
}

Test(ring, a_failure_stops_after_all_jobs_before_it)
{
	struct state s = state_of(2000);
	struct aipm_ring_options o = options_of(&s, 4, 0);
	struct aipm_err err;
	int taken;

	s.fail_at = 777;
	cr_assert_eq(run(&o, &taken, &err), -1);
	cr_assert_eq(taken, 777);
	cr_assert_str_eq(err.text, "work 777");
	cr_assert_eq(err.cls, AIPM_DAMAGED);
}

Test(ring, the_first_failure_in_order_is_the_one_that_is_told)
{
	struct state s = state_of(2000);
	struct aipm_ring_options o = options_of(&s, 2, 8);
	struct aipm_err err;
	int taken;

	s.fail_at = 777;
	s.fetch_fail_at = 779;
	o.slots = 16;
	cr_assert_eq(run(&o, &taken, &err), -1);
	cr_assert_eq(taken, 777);
	cr_assert_str_eq(err.text, "work 777");
}

Test(ring, a_producer_that_fails_is_heard_in_its_place)
{
	struct state s = state_of(2000);
	struct aipm_ring_options o = options_of(&s, 2, 4);
	struct aipm_err err;
	int taken;

	s.produce_fail_at = 5;
	cr_assert_eq(run(&o, &taken, &err), -1);
	cr_assert_eq(taken, 5);
	cr_assert_str_eq(err.text, "produce 5");
}

Test(ring, nothing_to_do_is_done)
{
	struct state s = state_of(0);
	struct aipm_ring_options o = options_of(&s, 2, 4);
	struct aipm_err err;
	int taken;

	cr_assert_eq(run(&o, &taken, &err), 0);
	cr_assert_eq(taken, 0);
}

Test(ring, a_signal_ends_the_run)
{
	static const volatile sig_atomic_t caught = SIGTERM;
	struct state s = state_of(100);
	struct aipm_ring_options o = options_of(&s, 2, 4);
	struct aipm_err err;
	int taken;

	o.cancel.signum = &caught;
	cr_assert_eq(run(&o, &taken, &err), -1);
	cr_assert_eq(err.cls, AIPM_SIGNALLED);
	cr_assert_eq(err.errnum, SIGTERM);
	cr_assert_eq(taken, 0);
}

Test(ring, may_be_closed_at_any_time)
{
	for (int take = 0; take < 50; take++) {
		struct state s = state_of(10000);
		struct aipm_ring_options o = options_of(&s, 3, 6);
		struct aipm_ring *r;
		struct aipm_err err;
		void *slot;

		cr_assert_eq(aipm_ring_open(&r, &o, &err), 0);
		for (int i = 0; i < take; i++)
			cr_assert_eq(aipm_ring_next(r, &slot, &err), 1);
		aipm_ring_close(r);
		cr_assert_eq(s.released, (int)o.slots);
	}
	aipm_ring_close(NULL);
}
