#pragma once
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdint.h>

/*
 * libbpf's C macros, variadic callbacks and what its 1.1 does not know yet, for Swift. Functions return a non-negative
 * value on success and a negated errno on failure.
 */

/* ---- log ---- */

/*
 * Everything libbpf would print on this thread goes to a buffer from begin to end; at other times it is discarded. The
 * text returned by end is valid until this thread's next begin. Keeps the last PS_LIBBPF_LOG_BYTES.
 */
#define PS_LIBBPF_LOG_BYTES 16384
void ps_libbpf_log_begin(void);
const char *ps_libbpf_log_end(void);

/* ---- links ---- */

/* Attach types of 6.6, absent from older kernel headers. */
enum ps_libbpf_tcx {
	PS_LIBBPF_TCX_INGRESS = 46,
	PS_LIBBPF_TCX_EGRESS = 47,
};

int ps_libbpf_tcx_attach(int program, uint32_t ifindex, enum ps_libbpf_tcx direction);

/* How many programs are at the tcx hook; the ids of the first `capacity` of them are written to `programs`. */
int ps_libbpf_tcx_query(uint32_t ifindex, enum ps_libbpf_tcx direction, uint32_t *programs, uint32_t capacity);

struct ps_libbpf_link {
	uint32_t type;
	uint32_t id;
	uint32_t program_id;
	uint32_t ifindex;     /* of a tcx link; 0 once its device is gone */
	uint32_t attach_type; /* of a tcx link */
};

int ps_libbpf_link_info(int fd, struct ps_libbpf_link *out);

/* ---- clsact ---- */

enum ps_libbpf_tc_direction {
	PS_LIBBPF_TC_INGRESS = BPF_TC_INGRESS,
	PS_LIBBPF_TC_EGRESS = BPF_TC_EGRESS,
};

/* 1 when the qdisc was created, 0 when there was one. */
int ps_libbpf_clsact_create(uint32_t ifindex);
int ps_libbpf_clsact_destroy(uint32_t ifindex);
/* Puts the program at (priority, handle), replacing what is there in one step. */
int ps_libbpf_tc_attach(int program, uint32_t ifindex, enum ps_libbpf_tc_direction direction, uint32_t handle,
			uint32_t priority);
int ps_libbpf_tc_detach(uint32_t ifindex, enum ps_libbpf_tc_direction direction, uint32_t handle, uint32_t priority);
/* The id of the program at (priority, handle). */
int ps_libbpf_tc_query(uint32_t ifindex, enum ps_libbpf_tc_direction direction, uint32_t handle, uint32_t priority,
		       uint32_t *program_id);

/* ---- maps ---- */

/* An ARRAY_OF_MAPS of one entry and its inner map: an update of it returns after a grace period. */
int ps_libbpf_array_of_maps(int inner);
int ps_libbpf_plain_array(uint32_t value_size, uint32_t entries);

/* ---- BTF ---- */

int ps_libbpf_btf_is_struct(const struct btf_type *type);
uint32_t ps_libbpf_btf_member_count(const struct btf_type *type);
/* Of a structure without bit-fields: the member's name offset and its place in bytes. */
uint32_t ps_libbpf_btf_member_name(const struct btf_type *type, uint32_t index);
uint32_t ps_libbpf_btf_member_offset(const struct btf_type *type, uint32_t index);

/* ---- file system ---- */

/* 1 when path lies in a mounted bpffs, 0 when not. */
int ps_libbpf_is_bpffs(const char *path);
