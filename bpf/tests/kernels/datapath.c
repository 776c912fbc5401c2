// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The daemon's part, once and with fixed keys: loads the object for one of two nodes, tells it of the other, attaches it.
 *
 * usage: datapath OBJECT a|b 4|6 clsact|tcx POD-DEVICE UPLINK PINS [SECONDS]
 *            the node, the family between the nodes, the hook, the devices, a directory on a BPF file system, and for how
 *            long the keys live, without which they live for ever
 *        datapath counter PINS REASON
 *            packets of that reason (a number of enum ps_reason) so far
 *        datapath slept
 *            whole seconds that the machine has slept since it was started
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <sys/stat.h>

#include "../../abi/podshield_abi.h"

/* Not in every <linux/bpf.h>. */
#define TCX_INGRESS 46
#define TCX_EGRESS 47

#define FILTER_HANDLE 0x5053

#define GENERATION PS_SA_SLOTS
#define NANOSECONDS 1000000000ULL

/* ---- the two nodes ---- */

struct node {
	const char *pod4, *pod6;
	const char *underlay4, *underlay6;
	__u8 mac[6]; /* of the pod's side */
	__u32 peer;  /* what the other node calls this one */
	__u32 identity;
	__u32 spi; /* of what this node sends */
	__u8 key;
};

static const struct node nodes[] = {
	{ "10.77.1.2",
	  "fd77:0:0:1::2",
	  "192.0.2.1",
	  "2001:db8::1",
	  { 2, 0, 0, 0, 0, 0xa },
	  1,
	  300,
	  GENERATION + 5,
	  0xa1 },
	{ "10.77.2.2",
	  "fd77:0:0:2::2",
	  "192.0.2.2",
	  "2001:db8::2",
	  { 2, 0, 0, 0, 0, 0xb },
	  2,
	  301,
	  GENERATION + 9,
	  0xb2 },
};

/* Of all keys; by the clock that goes on while the machine sleeps, as `bpf_ktime_get_boot_ns` has it. */
static __u64 deadline = ~0ULL;

/* ---- libbpf, whose failures end the program ---- */

static struct bpf_object *object;

static struct bpf_map *map_of(const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	if (!map)
		errx(2, "the object has no map %s", name);
	return map;
}

static struct bpf_program *program_of(const char *name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	if (!program)
		errx(2, "the object has no program %s", name);
	return program;
}

static void put(const char *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(bpf_map__fd(map_of(map)), key, value, BPF_ANY))
		err(2, "update of %s", map);
}

static void put_at(const char *map, __u32 index, const void *value)
{
	put(map, &index, value);
}

/* ---- loading ---- */

static const char *const programs[] = { "from_pod", "to_pod", "from_uplink", "to_uplink" };

#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

static void load(const char *path)
{
	object = bpf_object__open_file(path, NULL);
	if (!object || bpf_object__load(object))
		err(2, "load of %s", path);
}

/* ---- state ---- */

static struct ps_addr address_of(const char *text)
{
	struct ps_addr address = { .b = { [10] = 0xff, [11] = 0xff } };

	if (!inet_pton(AF_INET, text, address.b + 12) && inet_pton(AF_INET6, text, address.b) != 1)
		errx(2, "%s is no address", text);
	return address;
}

static void configure(void)
{
	const struct ps_config config = { .abi_version = PS_ABI_VERSION,
					  .abi_oldest = PS_ABI_OLDEST,
					  .flags = PS_F_READY,
					  .mark_mask = 3 << 20,
					  .mark_shift = 20,
					  .esp_port = 4500,
					  .hash_key = { 1, 2 },
					  .event_burst = 100 };

	put_at("ps_config", 0, &config);
}

static void protect(const char *prefix, __u32 length)
{
	const struct ps_lpm_key key = { .prefixlen = length, .addr = address_of(prefix) };
	const __u32 one = 1;

	put("ps_protected", &key, &one);
}

static void add_pod(const struct node *own, __u32 ifindex)
{
	const struct ps_addr addresses[] = { address_of(own->pod4), address_of(own->pod6) };
	const struct ps_local local = { .identity = own->identity, .ifindex = ifindex };
	struct ps_pod pod = { .identity = own->identity };

	memcpy(pod.mac, own->mac, sizeof(pod.mac));
	put("ps_pods", &ifindex, &pod);
	for (int i = 0; i < 2; i++)
		put("ps_local", &addresses[i], &local);
}

static void add_peer(const struct node *own, const struct node *other, int family)
{
	const struct ps_peer peer = { .remote = address_of(family == 4 ? other->underlay4 : other->underlay6),
				      .local = address_of(family == 4 ? own->underlay4 : own->underlay6),
				      .port = 4500,
				      .mtu = 1500 };
	const struct ps_addr addresses[] = { address_of(other->pod4), address_of(other->pod6) };
	const struct ps_remote remote = { .peer = other->peer, .identity = other->identity };
	const __u32 flags = 0;

	put("ps_peers", &other->peer, &peer);
	for (int i = 0; i < 2; i++) {
		const struct ps_binding_key binding = { other->peer, other->identity, addresses[i] };

		put("ps_remote", &addresses[i], &remote);
		put("ps_bindings", &binding, &flags);
	}
}

static void add_outbound(const struct node *own, const struct node *other)
{
	const struct ps_out_key key = { other->peer, own->identity };
	const struct ps_out_ref ref = {
		.slot = own->spi & (PS_SA_SLOTS - 1), .spi = own->spi, .deadline_ns = deadline, .seq_limit = 0xffffffff
	};
	struct ps_sa_out sa = { .spi = own->spi,
				.peer = other->peer,
				.identity = own->identity,
				.suite = PS_SUITE_CHACHA20_POLY1305,
				.salt = { 1, 2, 3, own->key } };

	memset(sa.key, own->key, sizeof(sa.key));
	put_at("ps_sa_out", ref.slot, &sa);
	put("ps_out_index", &key, &ref);
}

static void add_inbound(const struct node *other)
{
	const struct ps_in_live live = { .spi = other->spi, .last_spi = other->spi, .deadline_ns = deadline };
	const __u32 slot = other->spi & (PS_SA_SLOTS - 1);
	struct ps_sa_in sa = { .spi = other->spi,
			       .peer = other->peer,
			       .identity = other->identity,
			       .suite = PS_SUITE_CHACHA20_POLY1305,
			       .salt = { 1, 2, 3, other->key } };

	memset(sa.key, other->key, sizeof(sa.key));
	put_at("ps_sa_in", slot, &sa);
	put_at("ps_in_live", slot, &live);
}

/* ---- attachment ---- */

static void pin(int fd, const char *pins, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", pins, name);
	if (bpf_obj_pin(fd, path))
		err(2, "%s", path);
}

static void attach_clsact(const char *name, unsigned int ifindex, int ingress)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex,
		    .attach_point = ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = bpf_program__fd(program_of(name)), .handle = FILTER_HANDLE,
		    .priority = 1);
	int error = bpf_tc_hook_create(&hook);

	if (error && error != -EEXIST)
		errx(2, "clsact: %s", strerror(-error));
	error = bpf_tc_attach(&hook, &filter);
	if (error)
		errx(2, "clsact %s: %s", name, strerror(-error));
}

static void attach_tcx(const char *name, unsigned int ifindex, int ingress, const char *pins)
{
	int link = bpf_link_create(bpf_program__fd(program_of(name)), (int)ifindex,
				   (enum bpf_attach_type)(ingress ? TCX_INGRESS : TCX_EGRESS), NULL);

	if (link < 0)
		err(2, "tcx %s", name);
	pin(link, pins, name);
}

static unsigned int index_of(const char *device)
{
	unsigned int index = if_nametoindex(device);

	if (!index)
		err(2, "%s", device);
	return index;
}

static void attach(const char *how, const char *pod_device, const char *uplink, const char *pins)
{
	for (size_t i = 0; i < PROGRAMS; i++) {
		unsigned int ifindex = index_of(strstr(programs[i], "pod") ? pod_device : uplink);
		int ingress = !strncmp(programs[i], "from", 4);

		if (!strcmp(how, "tcx"))
			attach_tcx(programs[i], ifindex, ingress, pins);
		else
			attach_clsact(programs[i], ifindex, ingress);
	}
}

/* ---- clocks ---- */

static __u64 nanoseconds(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now))
		err(2, "clock_gettime");
	return now.tv_sec * NANOSECONDS + now.tv_nsec;
}

/* ---- commands ---- */

static int print_sleep(void)
{
	printf("%llu\n", (nanoseconds(CLOCK_BOOTTIME) - nanoseconds(CLOCK_MONOTONIC)) / NANOSECONDS);
	return EXIT_SUCCESS;
}

static int print_counter(const char *pins, __u32 reason)
{
	int cpus = libbpf_num_possible_cpus();
	struct ps_counter *counters = calloc(cpus, sizeof(*counters));
	unsigned long long packets = 0;
	char path[256];

	snprintf(path, sizeof(path), "%s/ps_counters", pins);
	if (!counters || bpf_map_lookup_elem(bpf_obj_get(path), &reason, counters))
		err(2, "%s", path);
	for (int i = 0; i < cpus; i++)
		packets += counters[i].packets;
	printf("%llu\n", packets);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "counter"))
		return print_counter(argv[2], atoi(argv[3]));
	if (argc == 2 && !strcmp(argv[1], "slept"))
		return print_sleep();
	if (argc != 8 && argc != 9)
		errx(2, "usage: datapath OBJECT a|b 4|6 clsact|tcx POD-DEVICE UPLINK PINS [SECONDS] | counter PINS "
			"REASON | slept");
	const struct node *own = &nodes[*argv[2] == 'b'], *other = &nodes[*argv[2] != 'b'];

	if (argc == 9)
		deadline = nanoseconds(CLOCK_BOOTTIME) + atoi(argv[8]) * NANOSECONDS;
	load(argv[1]);
	configure();
	protect("10.77.0.0", 96 + 16);
	protect("fd77::", 16);
	add_pod(own, index_of(argv[5]));
	add_peer(own, other, atoi(argv[3]));
	add_outbound(own, other);
	add_inbound(other);
	mkdir(argv[7], 0700);
	pin(bpf_map__fd(map_of("ps_counters")), argv[7], "ps_counters");
	attach(argv[4], argv[5], argv[6], argv[7]);
	return EXIT_SUCCESS;
}
