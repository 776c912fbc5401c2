// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "native.h"

/* Every value in an allocation of its own, so that a sanitizer sees every step past its end. */
struct element {
	struct element *next;
	const void *map;
	void *value;
	unsigned char key[];
};

/* Values are made when they are first asked for: most are not. */
struct array {
	struct array *next;
	const void *map;
	__u32 len;
	void *values[];
};

#define BUCKETS 64

static struct element *buckets[BUCKETS];
static struct array *arrays;

static void *allocate(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		abort();
	return memory;
}

/* ---- arrays: elements exist from the beginning ---- */

static struct array *array_of(const struct ps_native_map *map)
{
	struct array *array = arrays;

	while (array && array->map != map->at)
		array = array->next;
	if (array)
		return array;
	array = allocate(sizeof(*array) + map->max_entries * sizeof(array->values[0]));
	array->next = arrays;
	array->map = map->at;
	array->len = map->max_entries;
	return arrays = array;
}

static void *find_in_array(const struct ps_native_map *map, const void *key)
{
	struct array *array = array_of(map);
	__u32 index;

	memcpy(&index, key, sizeof(index));
	if (index >= array->len)
		return NULL;
	if (!array->values[index])
		array->values[index] = allocate(map->value_size);
	return array->values[index];
}

/* ---- hashes ---- */

static struct element **bucket_of(const struct ps_native_map *map)
{
	return &buckets[((size_t)map->at / 16) % BUCKETS];
}

static void *add(const struct ps_native_map *map, const void *key)
{
	struct element *element = allocate(sizeof(*element) + map->key_size);
	struct element **bucket = bucket_of(map);

	element->next = *bucket;
	element->map = map->at;
	element->value = allocate(map->value_size);
	memcpy(element->key, key, map->key_size);
	*bucket = element;
	return element->value;
}

static void *find(const struct ps_native_map *map, const void *key)
{
	struct element *element = *bucket_of(map);

	while (element && (element->map != map->at || memcmp(element->key, key, map->key_size)))
		element = element->next;
	return element ? element->value : NULL;
}

/* ---- longest prefix ---- */

/* Whether the first `bits` bits of `a` and `b` agree. */
static int agree(const unsigned char *a, const unsigned char *b, __u32 bits)
{
	unsigned char rest = bits % 8 ? (unsigned char)(0xff << (8 - bits % 8)) : 0;

	return !memcmp(a, b, bits / 8) && !((a[bits / 8 - !rest] ^ b[bits / 8 - !rest]) & rest);
}

static void *find_prefix(const struct ps_native_map *map, const void *key)
{
	void *best = NULL;
	__u32 wanted, longest = 0;

	memcpy(&wanted, key, sizeof(wanted));
	for (struct element *element = *bucket_of(map); element; element = element->next) {
		__u32 bits;

		memcpy(&bits, element->key, sizeof(bits));
		if (element->map != map->at || bits > wanted || bits < longest)
			continue;
		if (!bits || agree(element->key + sizeof(bits), (const unsigned char *)key + sizeof(bits), bits)) {
			best = element->value;
			longest = bits;
		}
	}
	return best;
}

/* ---- maps ---- */

static int is_array(const struct ps_native_map *map)
{
	return map->type == BPF_MAP_TYPE_ARRAY || map->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

void *ps_native_map_lookup(const struct ps_native_map *map, const void *key)
{
	if (is_array(map))
		return find_in_array(map, key);
	return map->type == BPF_MAP_TYPE_LPM_TRIE ? find_prefix(map, key) : find(map, key);
}

void ps_native_map_put(const struct ps_native_map *map, const void *key, const void *value)
{
	void *place = is_array(map) ? find_in_array(map, key) : find(map, key);

	memcpy(place ? place : add(map, key), value, map->value_size);
}

/* By a program: the kernel may have no memory. */
long ps_native_map_update(const struct ps_native_map *map, const void *key, const void *value, __u64 flags)
{
	int error = ps_native_failure();

	if (flags != BPF_ANY)
		return -EINVAL;
	if (error)
		return error;
	ps_native_map_put(map, key, value);
	return 0;
}

static void clear_arrays(void)
{
	while (arrays) {
		struct array *array = arrays;

		arrays = array->next;
		for (__u32 i = 0; i < array->len; i++)
			free(array->values[i]);
		free(array);
	}
}

static void clear_bucket(struct element **bucket)
{
	while (*bucket) {
		struct element *element = *bucket;

		*bucket = element->next;
		free(element->value);
		free(element);
	}
}

void ps_native_maps_clear(void)
{
	clear_arrays();
	for (int i = 0; i < BUCKETS; i++)
		clear_bucket(&buckets[i]);
}

/* ---- the ring, read at once ---- */

void *bpf_ringbuf_reserve(void *ring, __u64 size, __u64 flags)
{
	(void)ring;
	return flags || ps_native_failure() ? NULL : malloc(size);
}

/* A sanitizer sees members that were not written. */
void bpf_ringbuf_submit(void *record, __u64 flags)
{
	(void)flags;
	ps_native_kernel.events++;
	free(record);
}
