#include "aipm/human.h"

#include <inttypes.h>
#include <stdio.h>

/* Units go up to exbibytes, which hold all 64 bits. */
void
aipm_human_size(char dst[AIPM_HUMAN_MAX], uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	uint64_t whole = bytes, below = 0, tenths;
	size_t unit = 0;

	if (bytes < 1000) {
		(void)snprintf(dst, AIPM_HUMAN_MAX, "%" PRIu64, bytes);
		return;
	}
	do {
		below = whole & 1023;
		whole >>= 10;
		unit++;
	} while (whole + (below >= 512) >= 1000);
	tenths = (whole * 10240 + below * 10 + 512) / 1024;
	if (tenths < 100)
		(void)snprintf(dst, AIPM_HUMAN_MAX, "%" PRIu64 ".%" PRIu64 "%c",
		    tenths / 10, tenths % 10, units[unit - 1]);
	else
		(void)snprintf(dst, AIPM_HUMAN_MAX, "%" PRIu64 "%c",
		    whole + (below >= 512), units[unit - 1]);
}

void
aipm_human_age(char dst[AIPM_HUMAN_MAX], int64_t seconds)
{
	static const struct {
		uint64_t below, seconds;
		char letter;
	} units[] = {
		{ UINT64_C(60), 1, 's' },
		{ UINT64_C(3600), 60, 'm' },
		{ UINT64_C(86400), 3600, 'h' },
		{ UINT64_C(86400000), 86400, 'd' },
		{ UINT64_MAX, UINT64_C(31536000), 'y' },
	};
	uint64_t s = seconds < 0 ? -(uint64_t)seconds : (uint64_t)seconds;
	size_t i = 0;

	while (s >= units[i].below)
		i++;
	(void)snprintf(dst, AIPM_HUMAN_MAX, "%s%" PRIu64 "%c",
	    seconds < 0 ? "-" : "", s / units[i].seconds, units[i].letter);
}
