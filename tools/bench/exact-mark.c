// SPDX-License-Identifier: GPL-2.0
/*
 * In the guest: tells exact-plugin.c where what it counts begins and ends.
 *
 *	exact-mark begin|end
 */
#include <stdio.h>
#include <string.h>

#include "exact-mark.h"

#define EMIT_(...) __asm__ volatile(".byte " #__VA_ARGS__)
#define EMIT(...) EMIT_(__VA_ARGS__)

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "begin")) {
		EMIT(MARK(MARK_BEGIN));
	} else if (argc == 2 && !strcmp(argv[1], "end")) {
		EMIT(MARK(MARK_END));
	} else {
		fprintf(stderr, "usage: exact-mark begin|end\n");
		return 2;
	}
	return 0;
}
