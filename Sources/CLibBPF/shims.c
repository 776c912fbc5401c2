#include "podshield_libbpf.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

/* ---- log ---- */

static _Thread_local char log_text[PS_LIBBPF_LOG_BYTES];
static _Thread_local size_t log_used;
static _Thread_local int log_open;

static int log_print(enum libbpf_print_level level, const char *format, va_list arguments)
{
	char line[PS_LIBBPF_LOG_BYTES];
	size_t size;
	int printed;

	if (!log_open || level == LIBBPF_DEBUG)
		return 0;
	printed = vsnprintf(line, sizeof(line), format, arguments);
	if (printed <= 0)
		return printed;
	size = (size_t)printed < sizeof(line) ? (size_t)printed : sizeof(line) - 1;
	if (size >= sizeof(log_text) - log_used) {
		/* The end of a verifier's log tells most: the oldest text makes room. */
		size_t surplus = log_used + size + 1 - sizeof(log_text);

		surplus = surplus < log_used ? surplus : log_used;
		memmove(log_text, log_text + surplus, log_used - surplus);
		log_used -= surplus;
	}
	memcpy(log_text + log_used, line, size);
	log_used += size;
	log_text[log_used] = 0;
	return printed;
}

__attribute__((constructor)) static void log_install(void)
{
	libbpf_set_print(log_print);
}

void ps_libbpf_log_begin(void)
{
	log_used = 0;
	log_text[0] = 0;
	log_open = 1;
}

const char *ps_libbpf_log_end(void)
{
	log_open = 0;
	return log_text;
}

/* ---- links ---- */

int ps_libbpf_tcx_attach(int program, uint32_t ifindex, enum ps_libbpf_tcx direction)
{
	/* target_fd and target_ifindex are one member of a union. */
	return bpf_link_create(program, (int)ifindex, (enum bpf_attach_type)direction, NULL);
}

int ps_libbpf_tcx_query(uint32_t ifindex, enum ps_libbpf_tcx direction, uint32_t *programs, uint32_t capacity)
{
	__u32 count = capacity;
	int result = bpf_prog_query((int)ifindex, (enum bpf_attach_type)direction, 0, NULL, programs, &count);

	return result < 0 ? result : (int)count;
}

int ps_libbpf_link_info(int fd, struct ps_libbpf_link *out)
{
	/* The head of struct bpf_link_info as of 6.6, larger than the one these headers declare may be. */
	struct {
		__u32 type;
		__u32 id;
		__u32 prog_id;
		__u32 pad;
		struct {
			__u32 ifindex;
			__u32 attach_type;
		} tcx;
		__u64 rest[16];
	} info = { 0 };
	__u32 size = sizeof(info);
	int result = bpf_obj_get_info_by_fd(fd, &info, &size);

	if (result < 0)
		return result;
	out->type = info.type;
	out->id = info.id;
	out->program_id = info.prog_id;
	out->ifindex = info.tcx.ifindex;
	out->attach_type = info.tcx.attach_type;
	return 0;
}

/* ---- clsact ---- */

int ps_libbpf_clsact_create(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int result = bpf_tc_hook_create(&hook);

	return result == -EEXIST ? 0 : result < 0 ? result : 1;
}

int ps_libbpf_clsact_destroy(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	return bpf_tc_hook_destroy(&hook);
}

int ps_libbpf_tc_attach(int program, uint32_t ifindex, enum ps_libbpf_tc_direction direction, uint32_t handle,
			uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = (enum bpf_tc_attach_point)direction);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = program, .handle = handle, .priority = priority,
		    .flags = BPF_TC_F_REPLACE);

	return bpf_tc_attach(&hook, &opts);
}

int ps_libbpf_tc_detach(uint32_t ifindex, enum ps_libbpf_tc_direction direction, uint32_t handle, uint32_t priority)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = (enum bpf_tc_attach_point)direction);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority);

	return bpf_tc_detach(&hook, &opts);
}

int ps_libbpf_tc_query(uint32_t ifindex, enum ps_libbpf_tc_direction direction, uint32_t handle, uint32_t priority,
		       uint32_t *program_id)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = (enum bpf_tc_attach_point)direction);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority);
	int result = bpf_tc_query(&hook, &opts);

	if (!result)
		*program_id = opts.prog_id;
	return result;
}

/* ---- maps ---- */

int ps_libbpf_array_of_maps(int inner)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = (__u32)inner);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "ps_grace", 4, 4, 1, &opts);
}

int ps_libbpf_plain_array(uint32_t value_size, uint32_t entries)
{
	return bpf_map_create(BPF_MAP_TYPE_ARRAY, "ps_grace_inner", 4, value_size, entries, NULL);
}

/* ---- BTF ---- */

int ps_libbpf_btf_is_struct(const struct btf_type *type)
{
	return btf_is_struct(type);
}

uint32_t ps_libbpf_btf_member_count(const struct btf_type *type)
{
	return btf_vlen(type);
}

uint32_t ps_libbpf_btf_member_name(const struct btf_type *type, uint32_t index)
{
	return btf_members(type)[index].name_off;
}

uint32_t ps_libbpf_btf_member_offset(const struct btf_type *type, uint32_t index)
{
	return btf_member_bit_offset(type, index) / 8;
}

/* ---- file system ---- */

int ps_libbpf_is_bpffs(const char *path)
{
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return -errno;
	return fs.f_type == BPF_FS_MAGIC;
}
