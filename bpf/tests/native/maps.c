// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
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

#define BUCKETS 64

static struct element *buckets[BUCKETS];

static struct element **bucket_of(const struct ps_native_map *map)
{
	return &buckets[((size_t)map->at / 16) % BUCKETS];
}

static struct element *add(const struct ps_native_map *map, const void *key)
{
	struct element *element = malloc(sizeof(*element) + map->key_size);
	struct element **bucket = bucket_of(map);

	if (!element)
		abort();
	element->next = *bucket;
	element->map = map->at;
	element->value = calloc(1, map->value_size);
	if (!element->value)
		abort();
	memcpy(element->key, key, map->key_size);
	*bucket = element;
	return element;
}

static struct element *find(const struct ps_native_map *map, const void *key)
{
	struct element *element = *bucket_of(map);

	while (element && (element->map != map->at || memcmp(element->key, key, map->key_size)))
		element = element->next;
	return element;
}

/* ---- arrays: elements exist from the beginning ---- */

static struct element *find_in_array(const struct ps_native_map *map, const void *key)
{
	struct element *element;
	__u32 index;

	memcpy(&index, key, sizeof(index));
	if (index >= map->max_entries)
		return NULL;
	element = find(map, key);
	return element ? element : add(map, key);
}

/* ---- longest prefix ---- */

/* Whether the first `bits` bits of `a` and `b` agree. */
static int agree(const unsigned char *a, const unsigned char *b, __u32 bits)
{
	unsigned char rest = bits % 8 ? (unsigned char)(0xff << (8 - bits % 8)) : 0;

	return !memcmp(a, b, bits / 8) && !((a[bits / 8 - !rest] ^ b[bits / 8 - !rest]) & rest);
}

static struct element *find_prefix(const struct ps_native_map *map, const void *key)
{
	struct element *best = NULL;
	__u32 wanted, longest = 0;

	memcpy(&wanted, key, sizeof(wanted));
	for (struct element *element = *bucket_of(map); element; element = element->next) {
		__u32 bits;

		memcpy(&bits, element->key, sizeof(bits));
		if (element->map != map->at || bits > wanted || bits < longest)
			continue;
		if (!bits || agree(element->key + sizeof(bits), (const unsigned char *)key + sizeof(bits), bits)) {
			best = element;
			longest = bits;
		}
	}
	return best;
}

/* ---- maps ---- */

static struct element *find_by_type(const struct ps_native_map *map, const void *key)
{
	switch (map->type) {
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return find_in_array(map, key);
	case BPF_MAP_TYPE_HASH:
		return find(map, key);
	case BPF_MAP_TYPE_LPM_TRIE:
		return find_prefix(map, key);
	default:
		abort();
	}
}

void *ps_native_map_lookup(const struct ps_native_map *map, const void *key)
{
	struct element *element = find_by_type(map, key);

	return element ? element->value : NULL;
}

void ps_native_map_put(const struct ps_native_map *map, const void *key, const void *value)
{
	struct element *element = find(map, key);

	if (!element)
		element = add(map, key);
	memcpy(element->value, value, map->value_size);
}

void ps_native_maps_clear(void)
{
	for (int i = 0; i < BUCKETS; i++) {
		struct element *element = buckets[i];

		while (element) {
			struct element *next = element->next;

			free(element->value);
			free(element);
			element = next;
		}
		buckets[i] = NULL;
	}
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
