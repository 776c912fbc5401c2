#define _GNU_SOURCE
#include "podshield_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

int ps_linux_peer_credentials(int fd, struct ps_linux_credentials *out)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return -errno;
	out->pid = (uint32_t)cred.pid;
	out->uid = cred.uid;
	out->gid = cred.gid;
	return 0;
}

int ps_linux_peer_groups(int fd, gid_t *out, int most)
{
	socklen_t size = (socklen_t)most * sizeof(*out);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, out, &size) < 0)
		return -errno;
	return (int)(size / sizeof(*out));
}

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

int ps_linux_peer_pidfd(int fd)
{
	int pidfd;
	socklen_t size = sizeof(pidfd);

	return getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size) ? -errno : pidfd;
}

int ps_linux_pidfd_open(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	return pidfd < 0 ? -errno : pidfd;
}

int ps_linux_has_peer_pidfd(void)
{
	int pidfd, has, pair[2];
	socklen_t size = sizeof(pidfd);

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	has = !getsockopt(pair[0], SOL_SOCKET, SO_PEERPIDFD, &pidfd, &size);
	if (has)
		close(pidfd);
	close(pair[0]);
	close(pair[1]);
	return has;
}

int ps_linux_has_ended(int pidfd)
{
	struct pollfd one = { .fd = pidfd, .events = POLLIN };
	int result = poll(&one, 1, 0);

	return result < 0 ? -errno : result;
}

int ps_linux_socket_namespace(int fd)
{
	int namespace = ioctl(fd, SIOCGSKNS);

	return namespace < 0 ? -errno : namespace;
}

static const struct {
	uint32_t get;
	uint32_t set;
} offload_commands[] = {
	[PS_LINUX_OFFLOAD_TX_CHECKSUM] = { ETHTOOL_GTXCSUM, ETHTOOL_STXCSUM },
	[PS_LINUX_OFFLOAD_TSO] = { ETHTOOL_GTSO, ETHTOOL_STSO },
	[PS_LINUX_OFFLOAD_GSO] = { ETHTOOL_GGSO, ETHTOOL_SGSO },
	[PS_LINUX_OFFLOAD_GRO] = { ETHTOOL_GGRO, ETHTOOL_SGRO },
};

static int ethtool_ask(const char *interface, void *command)
{
	struct ifreq request = { .ifr_data = command };
	int fd, result;

	if (strlen(interface) >= sizeof(request.ifr_name))
		return -ENAMETOOLONG;
	strcpy(request.ifr_name, interface);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	result = ioctl(fd, SIOCETHTOOL, &request);
	result = result < 0 ? -errno : result;
	close(fd);
	return result;
}

int ps_linux_offload_get(const char *interface, enum ps_linux_offload offload)
{
	struct ethtool_value value = { .cmd = offload_commands[offload].get };
	int result = ethtool_ask(interface, &value);

	return result < 0 ? result : value.data != 0;
}

int ps_linux_offload_set(const char *interface, enum ps_linux_offload offload, int on)
{
	struct ethtool_value value = { .cmd = offload_commands[offload].set, .data = on != 0 };

	return ethtool_ask(interface, &value);
}

static int is_device_segmentation(const char *feature)
{
	size_t length = strnlen(feature, ETH_GSTRING_LEN);
	size_t suffix = strlen("-segmentation");

	return length > suffix && !strncmp(feature, "tx-", 3) &&
	       !strncmp(feature + length - suffix, "-segmentation", suffix) &&
	       strncmp(feature, "tx-generic-", strlen("tx-generic-"));
}

/* How many features this kernel has names for. */
static int feature_count(const char *interface)
{
	/* One count follows the head. */
	__u64 memory[sizeof(struct ethtool_sset_info) / sizeof(__u64) + 1] = { 0 };
	struct ethtool_sset_info *info = (struct ethtool_sset_info *)memory;
	int result;

	info->cmd = ETHTOOL_GSSET_INFO;
	info->sset_mask = 1ull << ETH_SS_FEATURES;
	result = ethtool_ask(interface, info);
	return result < 0 ? result : (int)info->data[0];
}

static int segmentation_clear(const char *interface, const struct ethtool_gstrings *names)
{
	__u32 blocks = (names->len + 31) / 32;
	struct ethtool_sfeatures *features = calloc(1, sizeof(*features) + blocks * sizeof(features->features[0]));
	int result;

	if (!features)
		return -ENOMEM;
	features->cmd = ETHTOOL_SFEATURES;
	features->size = blocks;
	for (__u32 i = 0; i < names->len; i++)
		if (is_device_segmentation((const char *)names->data + i * ETH_GSTRING_LEN))
			features->features[i / 32].valid |= 1u << (i % 32);
	/* A positive result says that some are fixed, as those that a device never had are. */
	result = ethtool_ask(interface, features);
	free(features);
	return result < 0 ? result : 0;
}

int ps_linux_segmentation_off(const char *interface)
{
	struct ethtool_gstrings *names;
	int count = feature_count(interface);
	int result;

	if (count < 0)
		return count;
	names = calloc(1, sizeof(*names) + (size_t)count * ETH_GSTRING_LEN);
	if (!names)
		return -ENOMEM;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = (__u32)count;
	result = ethtool_ask(interface, names);
	if (result >= 0)
		result = segmentation_clear(interface, names);
	free(names);
	return result;
}

int ps_linux_is_network_namespace(int fd)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return -errno;
	/* Asked only of nsfs: the ioctl number may mean something else to another file. */
	return fs.f_type == NSFS_MAGIC && ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

int ps_linux_enter_network_namespace(int fd)
{
	return setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

int ps_linux_effective_capabilities(uint64_t *out)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*out = (uint64_t)data[1].effective << 32 | data[0].effective;
	return 0;
}

int ps_linux_forbid_dumps(void)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}

int ps_linux_clock_is_synchronized(void)
{
	struct timex state = { .modes = 0 };

	return adjtimex(&state) < 0 ? -errno : !(state.status & STA_UNSYNC);
}

int ps_linux_try_bind(const uint8_t *address, size_t count, uint16_t port, int type)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} name = { 0 };
	socklen_t size = count == 4 ? sizeof(name.v4) : sizeof(name.v6);
	int on = 1, result = 0, fd;

	if (count == 4) {
		name.v4.sin_family = AF_INET;
		name.v4.sin_port = htons(port);
		memcpy(&name.v4.sin_addr, address, 4);
	} else {
		name.v6.sin6_family = AF_INET6;
		name.v6.sin6_port = htons(port);
		memcpy(&name.v6.sin6_addr, address, 16);
	}
	fd = socket(name.any.sa_family, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Connections of an earlier run that are still closing are no obstacle; a UDP socket must not share. */
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &name.any, size) || (type == SOCK_STREAM && listen(fd, 1)))
		result = -errno;
	close(fd);
	return result;
}

uint64_t ps_linux_boot_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void ps_linux_wipe(void *memory, size_t count)
{
	explicit_bzero(memory, count);
}

/* The caller may be a thread of a pool that blocks every signal, which a child would inherit for good. */
static int signals_as_at_login(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int result = posix_spawnattr_init(attributes);

	if (result)
		return result;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

int ps_linux_spawn(const char *path, char *const arguments[], int input, int output, pid_t *pid)
{
	char *const environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int result = posix_spawn_file_actions_init(&actions);

	if (result)
		return -result;
	result = signals_as_at_login(&attributes);
	if (result) {
		posix_spawn_file_actions_destroy(&actions);
		return -result;
	}
	result = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (!result && output < 0)
		result = posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	else if (!result)
		result = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (!result)
		result = posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
	if (!result)
		result = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -result;
}

int ps_linux_open(const char *path, int flags, mode_t mode)
{
	return open(path, flags, mode);
}

int ps_linux_exchange(const char *path, const char *other)
{
	return renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE) < 0 ? -errno : 0;
}

/* Of the one pipe of the process. */
static int signal_pipe = -1;

static void tell(int number)
{
	unsigned char byte = (unsigned char)number;
	int before = errno;

	/* A pipe that is full has told enough. */
	if (write(signal_pipe, &byte, 1) < 0)
		errno = before;
}

int ps_linux_take_signals(const int *numbers, size_t count)
{
	struct sigaction action = { .sa_handler = tell, .sa_flags = SA_RESTART };
	int ends[2];

	if (signal_pipe >= 0)
		return -EBUSY;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	signal_pipe = ends[1];
	for (size_t i = 0; i < count; i++)
		if (sigaction(numbers[i], &action, NULL) < 0)
			return -errno;
	return ends[0];
}
