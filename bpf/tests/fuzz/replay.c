// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Gives a fuzz target inputs that are known, each in a process of its own, and counts those it survives.
 *
 * usage: replay FILE...          closes with `N passed, N failed`; exit status 1 when one failed
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/wait.h>

#include "input.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void run(const char *path)
{
	static unsigned char data[INPUT_MAX + 1];
	FILE *file = fopen(path, "r");
	size_t size;

	if (!file)
		err(2, "%s", path);
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
}

static int survives(const char *path)
{
	pid_t child = fork();
	int status;

	if (!child) {
		run(path);
		exit(EXIT_SUCCESS);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		err(2, "%s", path);
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++) {
		if (survives(argv[i]))
			continue;
		fprintf(stderr, "FAILED %s\n", argv[i]);
		failed++;
	}
	printf("%d passed, %d failed\n", argc - 1 - failed, failed);
	return failed || argc == 1 ? EXIT_FAILURE : EXIT_SUCCESS;
}
