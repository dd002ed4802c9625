#include "aipm/ring.h"

#include <criterion/criterion.h>

#include <stdatomic.h>
#include <string.h>

struct state {
	int made, last, fail_at, produce_fail_at;
	atomic_int released;
	int drained;
};

struct slot {
	int number, result;
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
work(void *ctx, unsigned number, void *slot, struct aipm_err *err)
{
	struct state *s = ctx;
	struct slot *j = slot;
	volatile int spin = (j->number * 7919) % 5000;

	(void)number;
	while (spin > 0)
		spin--;
	if (j->number == s->fail_at)
		return aipm_err_set(err, AIPM_DAMAGED, "work %d", j->number);
	j->result = j->number * 2;
	return 0;
}

static int
drain(void *ctx, void *slot, struct aipm_err *err)
{
	struct state *s = ctx;
	struct slot *j = slot;

	(void)err;
	cr_assert_eq(j->number, s->drained);
	cr_assert_eq(j->result, 2 * j->number);
	s->drained++;
	return 0;
}

static void
release(void *ctx, void *slot)
{
	(void)slot;
	((struct state *)ctx)->released++;
}

static struct aipm_ring
ring_of(struct state *s, unsigned workers)
{
	return (struct aipm_ring){ .workers = workers,
		.slots = workers + 3,
		.slot_size = sizeof(struct slot),
		.ctx = s,
		.produce = produce,
		.work = work,
		.drain = drain,
		.release = release };
}

Test(ring, drains_in_order_with_any_number_of_workers)
{
	for (unsigned workers = 1; workers < 9; workers++) {
		struct state s = {
			.last = 2000, .fail_at = -1, .produce_fail_at = -1
		};
		struct aipm_ring r = ring_of(&s, workers);
		struct aipm_err err;

		cr_assert_eq(aipm_ring_run(&r, &err), 0);
		cr_assert_eq(s.drained, 2000);
		cr_assert_eq(s.released, (int)workers + 3);
	}
}

Test(ring, a_failure_stops_after_all_jobs_before_it)
{
	struct state s = {
		.last = 2000, .fail_at = 777, .produce_fail_at = -1
	};
	struct aipm_ring r = ring_of(&s, 4);
	struct aipm_err err;

	cr_assert_eq(aipm_ring_run(&r, &err), -1);
	cr_assert_eq(s.drained, 777);
	cr_assert_str_eq(err.text, "work 777");
	cr_assert_eq(err.cls, AIPM_DAMAGED);
}

Test(ring, a_producer_that_fails_is_heard_in_its_place)
{
	struct state s = { .last = 2000, .fail_at = -1, .produce_fail_at = 5 };
	struct aipm_ring r = ring_of(&s, 2);
	struct aipm_err err;

	cr_assert_eq(aipm_ring_run(&r, &err), -1);
	cr_assert_eq(s.drained, 5);
	cr_assert_str_eq(err.text, "produce 5");
}

Test(ring, nothing_to_do_is_done)
{
	struct state s = { .last = 0, .fail_at = -1, .produce_fail_at = -1 };
	struct aipm_ring r = ring_of(&s, 2);
	struct aipm_err err;

	cr_assert_eq(aipm_ring_run(&r, &err), 0);
}

Test(ring, a_signal_ends_the_run)
{
	static const volatile sig_atomic_t caught = SIGTERM;
	struct state s = { .last = 100, .fail_at = -1, .produce_fail_at = -1 };
	struct aipm_ring r = ring_of(&s, 2);
	struct aipm_err err;

	r.cancel.signum = &caught;
	cr_assert_eq(aipm_ring_run(&r, &err), -1);
	cr_assert_eq(err.cls, AIPM_SIGNALLED);
	cr_assert_eq(err.errnum, SIGTERM);
	cr_assert_eq(s.drained, 0);
}
