// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vectors.h"

static void begin_record(struct ps_vector *v, const char *line)
{
	memset(v, 0, sizeof(*v));
	if (sscanf(line, "[%127[^]]]", v->title) != 1)
		errx(2, "vector title: %s", line);
}

static void add_field(struct ps_vector *v, const char *line)
{
	struct ps_vector_field *f = &v->fields[v->count++];

	if (v->count > (int)(sizeof(v->fields) / sizeof(v->fields[0])))
		errx(2, "%s: too many fields", v->title);
	if (sscanf(line, "%31s = %4095s", f->label, f->text) < 1)
		errx(2, "%s: %s", v->title, line);
}

static void continue_field(struct ps_vector *v, const char *line)
{
	char *text = v->count ? v->fields[v->count - 1].text : NULL;
	size_t used = text ? strlen(text) : 0;

	line += strspn(line, " ");
	if (!text || used + strlen(line) >= sizeof(v->fields[0].text))
		errx(2, "%s: %s", v->title, line);
	strcpy(text + used, line);
	text[strcspn(text, "\n")] = 0;
}

void ps_vectors_each(const char *path, void (*check)(const struct ps_vector *v))
{
	FILE *file = fopen(path, "r");
	struct ps_vector v = {};
	char line[256];

	if (!file)
		err(2, "%s", path);
	while (fgets(line, sizeof(line), file)) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (line[0] == '[') {
			if (v.count)
				check(&v);
			begin_record(&v, line);
		} else if (line[0] == ' ') {
			continue_field(&v, line);
		} else {
			add_field(&v, line);
		}
	}
	if (!v.count)
		errx(2, "%s: no vectors", path);
	check(&v);
	fclose(file);
}

static const char *text_of(const struct ps_vector *v, const char *label)
{
	for (int i = 0; i < v->count; i++)
		if (!strcmp(v->fields[i].label, label))
			return v->fields[i].text;
	errx(2, "%s: no %s", v->title, label);
}

struct ps_bytes ps_vector_bytes(const struct ps_vector *v, const char *label)
{
	const char *text = text_of(v, label);
	struct ps_bytes bytes = { .len = strlen(text) / 2 };

	if (strlen(text) % 2 || bytes.len > sizeof(bytes.b))
		errx(2, "%s: %s is no string of bytes", v->title, label);
	for (size_t i = 0; i < bytes.len; i++)
		if (sscanf(text + 2 * i, "%2hhx", &bytes.b[i]) != 1)
			errx(2, "%s: %s is not hexadecimal", v->title, label);
	return bytes;
}

unsigned int ps_vector_number(const struct ps_vector *v, const char *label)
{
	return strtoul(text_of(v, label), NULL, 10);
}
