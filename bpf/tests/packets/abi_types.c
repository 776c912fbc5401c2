// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The ABI as data: compiled for BPF with debug information, its BTF tells the tests the layout of every structure, the
 * members of every enumeration and the values of the constants. Nothing of it runs.
 */
#include "podshield_abi.h"

struct ps_config *config;
struct ps_sa_out *sa_out;
struct ps_out_key *out_key;
struct ps_out_ref *out_ref;
struct ps_sa_in *sa_in;
struct ps_in_live *in_live;
struct ps_in_window *in_window;
struct ps_sa_usage *usage;
struct ps_peer *peer;
struct ps_remote *remote;
struct ps_binding_key *binding_key;
struct ps_local *local;
struct ps_pod *pod;
struct ps_lpm_key *lpm_key;
struct ps_counter *counter;
struct ps_event *event;

enum ps_suite *suite;
enum ps_stamp *stamp;
enum ps_reason *reason;
enum ps_hook *hook;

/* Macros leave no trace in BTF. */
enum ps_constant {
	ABI_VERSION = PS_ABI_VERSION,
	ABI_OLDEST = PS_ABI_OLDEST,
	F_PERMISSIVE = PS_F_PERMISSIVE,
	F_READY = PS_F_READY,
	REPLAY_WINDOW = PS_REPLAY_WINDOW,
	REPLAY_WORDS = PS_REPLAY_WORDS,
	PACKET_MAX = PS_PACKET_MAX,
	SPI_MIN = PS_SPI_MIN,
} *constant;
