/*
 * control.c
 *	  What each of the tools has to find
 *
 * test/static/run builds this with one of the names below defined, and expects
 * the tool to complain: a tool that is silent here would be silent elsewhere.
 */
#include <stdlib.h>
#include <string.h>

extern int control(int n);

int
control(int n)
{
#if defined(CONTROL_GCC) || defined(CONTROL_SCAN_BUILD)
	int *freed = malloc(sizeof(int));

	if (freed == NULL)
		return n;
	*freed = n;
	free(freed);
	return *freed;
#elif defined(CONTROL_CLANG_TIDY)
	char text[8];

	memset(text, n, 0);
	return memcmp(text, "same", 4) == 1;
#elif defined(CONTROL_CPPCHECK)
	int table[4] = {0, 0, 0, 0};

	return table[4] + n;
#endif
}
