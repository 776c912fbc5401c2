/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Every structure the kernel programs and the daemon share. The one definition: the BPF C includes it, Swift imports it.
 *
 * Rules: fixed-width members, natural alignment, padding spelled out and zero; no bit-fields, anonymous unions, flexible
 * arrays or packing. Addresses are 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. Integers are host order unless the
 * name ends in _be. Times are nanoseconds of CLOCK_BOOTTIME. Identity, peer and SPI 0 mean "none".
 */
#ifndef PODSHIELD_ABI_H
#define PODSHIELD_ABI_H

#include <linux/bpf.h>
#include <linux/types.h>

/*
 * Grows with every change of what is said here. A program works on maps of versions from PS_ABI_OLDEST: those that differ
 * from its own in nothing but maps that were added, and members that took the place of padding and mean "as before" when
 * they are 0. After any other change PS_ABI_OLDEST is the new version, and maps of older ones are refused.
 */
#define PS_ABI_VERSION 1
#define PS_ABI_OLDEST 1

#define PS_ADDR_LEN 16
#define PS_KEY_LEN 32
#define PS_SALT_LEN 4
/* The ring has a word more than the window needs (RFC 6479): sequences up to 4032 behind the highest are told apart. */
#define PS_REPLAY_WORDS 64
#define PS_REPLAY_WINDOW (64 * (PS_REPLAY_WORDS - 1))
#define PS_PACKET_MAX 9216
#define PS_SPI_MIN 256

/* Defaults of map sizes; the daemon may set others before load. SA slots are a power of two. */
#define PS_SA_SLOTS 4096
#define PS_PEERS 1024
#define PS_LOCAL_ADDRS 4096
#define PS_REMOTE_ADDRS 65536
#define PS_PODS 1024
#define PS_PROTECTED 256
#define PS_FLOWS 65536
#define PS_EVENT_RING_BYTES (1 << 20)

/* Numeric identities below 256 (design: identity). */
#define PS_ID_UNKNOWN 0
#define PS_ID_HOST 1
#define PS_ID_WORLD 2
#define PS_ID_WORKLOAD_MIN 256

enum ps_suite {
	PS_SUITE_NONE = 0,
	PS_SUITE_CHACHA20_POLY1305 = 1, /* RFC 7634 */
};

struct ps_addr {
	__u8 b[PS_ADDR_LEN];
};

/* ---- ps_config: ARRAY[1], daemon writes ---- */

#define PS_F_PERMISSIVE (1u << 0) /* unknown destinations in protected may leave in clear */
#define PS_F_READY (1u << 1)      /* the daemon has loaded an image at least once; until then strict and empty */

struct ps_config {
	__u32 abi_version; /* of the daemon that wrote this; these two members are the first in every version */
	__u32 abi_oldest;
	__u32 flags;
	__u32 mark_mask; /* contiguous bits of skb->mark that are ours; at least 2 */
	__u32 mark_shift;
	__u16 esp_port; /* UDP destination port of our ESP */
	__u16 pad0;
	__u64 hash_key[2]; /* SipHash-like key of the outer source port */
	__u64 event_burst; /* events per second and reason let through */
};

/* Values of the stamp in skb->mark (shifted by mark_shift). */
enum ps_stamp {
	PS_STAMP_NONE = 0,
	PS_STAMP_POD = 1,    /* from_pod checked it and passed it to the host stack */
	PS_STAMP_SEALED = 2, /* our own ESP packet on its way out */
	PS_STAMP_OPENED =
		3, /* another of our programs decided that this pod may have it: opened and bound, or our ICMP */
};

/* ---- security associations ---- */

/*
 * ps_sa_out: ARRAY[slots]. Written once by the daemon while no ps_out_index entry names the slot, then only seq changes,
 * by the program's atomic fetch-add. The first packet carries sequence 1.
 */
struct ps_sa_out {
	__u64 seq;
	__u32 spi;
	__u32 peer;
	__u32 identity; /* of the local workload that sends */
	__u32 suite;
	__u8 key[PS_KEY_LEN];
	__u8 salt[PS_SALT_LEN];
	__u32 pad0;
};

/* ps_out_index: HASH (peer, identity) -> which slot seals now. Updating it publishes or switches. */
struct ps_out_key {
	__u32 peer;
	__u32 identity;
};

struct ps_out_ref {
	__u32 slot;
	__u32 spi; /* must equal the slot's, else drop */
	__u64 deadline_ns;
	__u64 seq_limit; /* sequence numbers above drop; at most 2^32 - 1 */
};

/* ps_sa_in: ARRAY[slots]; slot = spi & (slots - 1). Written once while ps_in_live[slot].spi is 0. */
struct ps_sa_in {
	__u32 spi;
	__u32 peer;
	__u32 identity; /* of the remote workload that sends */
	__u32 suite;
	__u8 key[PS_KEY_LEN];
	__u8 salt[PS_SALT_LEN];
	__u32 pad0;
};

/* ps_in_live: ARRAY[slots]. Setting spi publishes, 0 unpublishes. last_spi survives so that generations never repeat. */
struct ps_in_live {
	__u32 spi;
	__u32 last_spi;
	__u64 deadline_ns;
};

/* ps_in_window: ARRAY[slots]; RFC 6479. Zeroed by the daemon while unpublished; then only the program writes. */
struct ps_in_window {
	struct bpf_spin_lock lock;
	__u32 pad0;
	__u64 top; /* highest sequence accepted */
	__u64 words[PS_REPLAY_WORDS];
};

/* ps_sa_usage_in / ps_sa_usage_out: ARRAY[slots]; atomics of the program, zeroed by the daemon before publishing. */
struct ps_sa_usage {
	__u64 packets;
	__u64 bytes; /* inner bytes */
	__u64 last_ns;
};

/* ---- who and where ---- */

/* ps_peers: HASH peer -> endpoint. */
struct ps_peer {
	struct ps_addr remote;
	struct ps_addr local;
	__u16 port; /* UDP destination port */
	__u16 mtu;  /* largest outer packet */
	__u32 flags;
};

/* ps_remote: HASH ps_addr -> who holds a pod address of another node. */
struct ps_remote {
	__u32 peer;
	__u32 identity;
	__u32 flags; /* 0 for now */
	__u32 pad0;
};

/* ps_bindings: HASH: inner sources that (peer, identity) may use. The value is a flags word, 0 for now. */
struct ps_binding_key {
	__u32 peer;
	__u32 identity;
	struct ps_addr addr;
};

/* ps_local: HASH ps_addr -> a pod of this node. */
struct ps_local {
	__u32 identity;
	__u32 ifindex; /* of the host-side veth */
	__u32 flags;
	__u32 pad0;
};

/* ps_pods: HASH ifindex of the host-side veth -> its pod. */
struct ps_pod {
	__u32 identity; /* 0: known pod without an identity yet; all but ARP and ND drops */
	__u16 mtu;      /* largest inner packet towards other nodes; 0: what the peer's mtu leaves */
	__u16 pad0;
	__u8 mac[6]; /* of the pod's side */
	__u16 pad1;
};

/* ps_protected: LPM_TRIE -> __u32 1: prefixes of pods. */
struct ps_lpm_key {
	__u32 prefixlen; /* of the 128-bit form */
	struct ps_addr addr;
};

/*
 * ps_flows: LRU_HASH, value __u32 1; written by the programs. Flows of pods that left through the host's stack, where a
 * service's address may have been translated: packets back belong there as well. Ports are 0 where the protocol has none.
 */
struct ps_flow_key {
	struct ps_addr pod;
	struct ps_addr other;
	__u16 pod_port;
	__u16 other_port;
	__u32 protocol;
};

/* ---- counters and events ---- */

/* What happened to a packet. A closed list: values are never re-used. Index of ps_counters (PERCPU_ARRAY). */
enum ps_reason {
	PS_R_NONE = 0,
	/* let through */
	PS_R_SEALED = 1,
	PS_R_OPENED = 2,
	PS_R_LOCAL = 3,      /* pod to pod of this node */
	PS_R_HOST_LOCAL = 4, /* host to local pod */
	PS_R_TO_HOST = 5,    /* pod to this host */
	PS_R_WORLD = 6,      /* outside protected, in clear */
	PS_R_NEIGHBOUR = 7,  /* ARP, ND */
	PS_R_NOT_OURS = 8,   /* uplink traffic that concerns no pod */
	/* dropped */
	PS_R_SPOOFED_SOURCE = 32,      /* pod sent with an address that is not its own */
	PS_R_NO_IDENTITY = 33,         /* pod without identity */
	PS_R_NO_SESSION = 34,          /* destination known, no outbound SA */
	PS_R_UNKNOWN_DESTINATION = 35, /* in protected, nobody announced it */
	/* 36 was an address in quarantine */
	PS_R_SA_EXPIRED = 37, /* past its deadline, either direction */
	PS_R_SEQ_EXHAUSTED = 38,
	PS_R_UNKNOWN_SPI = 39, /* no SA of that SPI between these endpoints */
	PS_R_REPLAY = 40,
	PS_R_BAD_TAG = 41,
	PS_R_BAD_INNER = 42,      /* what was sealed is no valid inner packet */
	PS_R_UNBOUND_SOURCE = 43, /* inner source not bound to (peer, identity) */
	PS_R_NOT_LOCAL = 44,      /* inner destination is no pod of this node */
	PS_R_MULTICAST = 45,
	PS_R_CLEAR_INBOUND = 46,    /* cleartext from outside with a protected source, or to a pod from one */
	PS_R_UNSTAMPED = 47,        /* heads into protected without a stamp */
	PS_R_HOST_UNSUPPORTED = 48, /* this host to a pod of another node */
	PS_R_TOO_BIG = 49, /* for the way to the peer; where from_pod decides, the pod was answered ICMP too-big */
	PS_R_FRAGMENT = 50,
	PS_R_GSO = 51,         /* super-packet reached the sealing hook */
	PS_R_MALFORMED = 52,   /* lengths disagree; or congestion marked on a flow that is not ECN capable (RFC 6040) */
	PS_R_UNSUPPORTED = 53, /* protocol or family not carried */
	PS_R_HELPER_FAILED = 54, /* a kernel helper refused; errno in the event */
	PS_R_NOT_READY = 55,     /* no image loaded yet */
	PS_R_IDENTITY_LOST = 56, /* stamped, but the source is no longer the pod's */
	PS_R_ROUTER_ADVERT = 57, /* RA, redirect or foreign ARP from a pod */
	PS_R_LOOP = 58,          /* a sealed packet from our own address */
	PS_R_BAD_SLOT = 59,      /* a slot's own SPI, peer or identity disagrees with its index */
	PS_R_NO_ROUTE = 60,      /* no route or neighbour towards the peer */
	PS_R_HOP_LIMIT = 61,     /* TTL or hop limit ran out; a pod of this node was answered ICMP time exceeded */
	PS_R_COUNT = 64,
};

struct ps_counter {
	__u64 packets;
	__u64 bytes;
};

enum ps_hook {
	PS_HOOK_FROM_POD = 1,
	PS_HOOK_TO_UPLINK = 2,
	PS_HOOK_FROM_UPLINK = 3,
	PS_HOOK_TO_POD = 4,
};

/* ps_events: RINGBUF. */
struct ps_event {
	__u64 boot_ns;
	__u32 reason; /* enum ps_reason */
	__u32 hook;   /* enum ps_hook */
	__u32 ifindex;
	__u32 peer;
	__u32 src_identity;
	__u32 dst_identity;
	__u32 spi;
	__u32 error; /* errno of a failed helper, else 0 */
	__u64 sequence;
	struct ps_addr src; /* inner, where known, else outer */
	struct ps_addr dst;
	__u16 src_port;
	__u16 dst_port;
	__u16 length; /* bytes of the IP packet */
	__u8 protocol;
	__u8 flags;
};

/* ps_event_lost: PERCPU_ARRAY[2]: [0] ring full, [1] rate limited. */

#endif
