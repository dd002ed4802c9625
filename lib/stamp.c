#include "aipm/stamp.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char suffix[] = ".tar.gz";
static const char *const kinds[] = {
	[AIPM_KIND_BACKUP] = "backup",
	[AIPM_KIND_PARTIAL] = "partial",
	[AIPM_KIND_PRE_RESTORE] = "pre-restore",
};

enum { NKINDS = sizeof(kinds) / sizeof(kinds[0]) };

#define YEAR_10000 INT64_C(253402300800)

const char *
aipm_kind_name(enum aipm_kind kind)
{
	return kinds[kind];
}

bool
aipm_kind_parse(const char *s, enum aipm_kind *kind)
{
	for (unsigned i = 0; i < NKINDS; i++) {
		if (strcmp(s, kinds[i]) == 0) {
			*kind = (enum aipm_kind)i;
			return true;
		}
	}
	return false;
}

bool
aipm_stamp_prefix_ok(const char *prefix)
{
	static const char known[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                            "abcdefghijklmnopqrstuvwxyz"
	                            "0123456789._-";
	size_t n = strlen(prefix);

	return n >= 1 && n <= 100 && strspn(prefix, known) == n &&
	       prefix[0] != '.' && prefix[0] != '-';
}

/* Take word off the front of *s. */
static bool
take(const char **s, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*s, word, n) != 0)
		return false;
	*s += n;
	return true;
}

/* Take a number of exactly that many digits in min..max off the front. */
static bool
take_number(const char **s, int digits, int min, int max, int *out)
{
	int v = 0;

	for (int i = 0; i < digits; i++) {
		if ((*s)[i] < '0' || (*s)[i] > '9')
			return false;
		v = 10 * v + ((*s)[i] - '0');
	}
	*s += digits;
	*out = v;
	return v >= min && v <= max;
}

static bool
leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* YYYYMMDD, a separator, HHMMSS.  No leap seconds: no name has one. */
static bool
take_time(const char **s, const char *separator, struct tm *tm)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	int year, month, day;

	memset(tm, 0, sizeof(*tm));
	if (!take_number(s, 4, 1970, 9999, &year) ||
	    !take_number(s, 2, 1, 12, &month))
		return false;
	if (!take_number(
	        s, 2, 1, days[month - 1] + (month == 2 && leap(year)), &day))
		return false;
	if (!take(s, separator) || !take_number(s, 2, 0, 23, &tm->tm_hour) ||
	    !take_number(s, 2, 0, 59, &tm->tm_min) ||
	    !take_number(s, 2, 0, 59, &tm->tm_sec))
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	for (int m = 1; m < month; m++)
		tm->tm_yday += days[m - 1] + (m == 2 && leap(year));
	tm->tm_yday += day - 1;
	return true;
}

/* timegm(), which POSIX.1-2008 has only as a formula (XBD, "Seconds Since
 * the Epoch"). */
static int64_t
utc(const struct tm *tm)
{
	int64_t y = tm->tm_year;

	return tm->tm_sec + tm->tm_min * INT64_C(60) +
	       tm->tm_hour * INT64_C(3600) + tm->tm_yday * INT64_C(86400) +
	       (y - 70) * INT64_C(31536000) + ((y - 69) / 4) * INT64_C(86400) -
	       ((y - 1) / 100) * INT64_C(86400) +
	       ((y + 299) / 400) * INT64_C(86400);
}

static bool
take_stamp(const char **s, struct aipm_stamp *out)
{
	struct tm tm;

	out->legacy = false;
	if (!take_time(s, "T", &tm) || !take(s, "Z"))
		return false;
	out->taken = utc(&tm);
	return true;
}

static bool
take_legacy(const char **s, struct aipm_stamp *out)
{
	struct tm tm;

	if (out->kind != AIPM_KIND_BACKUP || !take_time(s, "_", &tm))
		return false;
	tm.tm_isdst = -1;
	out->legacy = true;
	out->taken = (int64_t)mktime(&tm);
	return true;
}

static bool
take_kind(const char **s, enum aipm_kind *kind)
{
	for (unsigned i = 0; i < NKINDS; i++) {
		if (take(s, kinds[i])) {
			*kind = (enum aipm_kind)i;
			return true;
		}
	}
	return false;
}

bool
aipm_stamp_parse(struct aipm_stamp *s, const char *name, const char *prefix)
{
	struct aipm_stamp found;
	const char *legacy;

	if (!take(&name, prefix) || !take(&name, "-") ||
	    !take_kind(&name, &found.kind) || !take(&name, "-"))
		return false;
	legacy = name;
	if (!take_stamp(&name, &found)) {
		name = legacy;
		if (!take_legacy(&name, &found))
			return false;
	}
	if (strcmp(name, suffix) != 0)
		return false;
	*s = found;
	return true;
}

int
aipm_stamp_name(
    char *dst, const char *prefix, enum aipm_kind kind, int64_t taken)
{
	struct tm tm;
	time_t t = (time_t)taken;
	char when[32];
	int n;

	if (taken < 0 || taken >= YEAR_10000 || gmtime_r(&t, &tm) == NULL ||
	    strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm) == 0)
		return -1;
	n = snprintf(dst, AIPM_STAMP_NAME_MAX, "%s-%s-%s%s", prefix,
	    kinds[kind], when, suffix);
	return n > 0 && n < AIPM_STAMP_NAME_MAX ? 0 : -1;
}

void
aipm_stamp_show(char *dst, int64_t t)
{
	struct tm tm;
	time_t tt = (time_t)t;

	if (t < 0 || t >= YEAR_10000 || gmtime_r(&tt, &tm) == NULL ||
	    strftime(dst, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void)snprintf(dst, 32, "@%lld", (long long)t);
}
