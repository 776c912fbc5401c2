// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * What the verifier has to look at, per program: how many instructions it processed, against what was recorded for this
 * kernel. Programs that grow unseen are refused one day by a kernel that looks more closely.
 *
 * usage: verified OBJECT RECORD
 *
 * RECORD has lines `kernel program instructions`, the kernel as in 6.18; # begins a comment. A kernel without lines is held
 * to the ceiling only.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <bpf/libbpf.h>

#define CEILING 500000UL
#define GROWTH_PERCENT 10UL
#define LOG_STATS 4 /* the verifier's closing figures only */
#define LOG_BYTES 4096
#define PROGRAMS_MAX 16

static char logs[PROGRAMS_MAX][LOG_BYTES];
static int passed, failed;

static struct bpf_object *load(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	int i = 0;

	if (!object)
		err(2, "%s", path);
	bpf_object__for_each_program(program, object)
	{
		if (i == PROGRAMS_MAX)
			errx(2, "%s: more than %d programs", path, PROGRAMS_MAX);
		bpf_program__set_log_level(program, LOG_STATS);
		bpf_program__set_log_buf(program, logs[i++], LOG_BYTES);
	}
	if (bpf_object__load(object)) {
		for (int refused = 0; refused < i; refused++)
			fputs(logs[refused], stderr);
		err(2, "load of %s", path);
	}
	return object;
}

static unsigned long processed(const char *log)
{
	static const char label[] = "processed ";
	const char *figure = strstr(log, label);

	return figure ? strtoul(figure + strlen(label), NULL, 10) : 0;
}

/* What was recorded for the program on this kernel; 0 if nothing was. */
static unsigned long recorded(const char *path, const char *program)
{
	char line[256], kernel[64], name[64];
	unsigned long count, found = 0;
	struct utsname machine;
	FILE *record = fopen(path, "r");

	if (!record || uname(&machine))
		err(2, "%s", path);
	while (fgets(line, sizeof(line), record)) {
		size_t len;

		if (line[0] == '#' || sscanf(line, "%63s %63s %lu", kernel, name, &count) != 3)
			continue;
		len = strlen(kernel);
		if (!strncmp(machine.release, kernel, len) && machine.release[len] == '.' && !strcmp(name, program))
			found = count;
	}
	fclose(record);
	return found;
}

static void check(const char *program, unsigned long count, unsigned long record)
{
	unsigned long limit = record ? record + record * GROWTH_PERCENT / 100 : CEILING;

	printf("%-12s %7lu instructions verified, %lu recorded\n", program, count, record);
	if (count && count <= limit && count <= CEILING) {
		passed++;
		return;
	}
	failed++;
	printf("%s: more than %lu: either make it simpler or record why not\n", program, limit);
}

int main(int argc, char **argv)
{
	struct bpf_program *program;
	struct bpf_object *object;
	int i = 0;

	if (argc != 3)
		errx(2, "usage: verified OBJECT RECORD");
	object = load(argv[1]);
	bpf_object__for_each_program(program, object)
	{
		const char *name = bpf_program__name(program);

		check(name, processed(logs[i++]), recorded(argv[2], name));
	}
	bpf_object__close(object);
	printf("%d passed, %d failed\n", passed, failed);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
