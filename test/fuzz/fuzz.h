/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *	  What the fuzz drivers share
 *
 * test/fuzz/run compiles the drivers and runs them with libFuzzer.  Compiled
 * with -DFUZZ_MAIN by any compiler, a driver replays the files given to it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SCREISSUE_FUZZ_H
#define SCREISSUE_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) \
	do \
	{ \
		if (!(condition)) \
		{ \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

extern int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A copy that ends where the allocation ends, so that reading on is seen. */
static inline void *
exact_copy(const void *data, size_t size)
{
	void *copy = malloc(size > 0 ? size : 1);

	CHECK(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

static inline int
sign(int value)
{
	return (value > 0) - (value < 0);
}

#ifdef FUZZ_MAIN
int
main(int argc, char **argv)
{
	static uint8_t data[1 << 20];

	for (int i = 1; i < argc; i++)
	{
		FILE *file = fopen(argv[i], "rb");
		size_t size;
		uint8_t *copy;

		if (file == NULL)
		{
			perror(argv[i]);
			return 1;
		}
		size = fread(data, 1, sizeof(data), file);
		fclose(file);
		copy = exact_copy(data, size);
		LLVMFuzzerTestOneInput(copy, size);
		free(copy);
	}
	printf("%d files\n", argc - 1);
	return 0;
}
#endif

#endif /* SCREISSUE_FUZZ_H */
