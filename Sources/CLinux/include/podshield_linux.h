#pragma once
/*
 * What Swift's Glibc module does not show: netlink and ethtool constants, namespaces, credentials, capabilities.
 * Every function returns 0 (or a non-negative value) on success and a negated errno on failure.
 */
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <sys/types.h>

struct ps_linux_credentials {
	uint32_t pid;
	uint32_t uid;
	uint32_t gid;
};

/* SO_PEERCRED of a connected Unix stream socket. */
int ps_linux_peer_credentials(int fd, struct ps_linux_credentials *out);

/*
 * SO_PEERGROUPS of such a socket: its peer's supplementary groups at connect. Returns how many there are; -ERANGE when
 * that is more than `most`.
 */
int ps_linux_peer_groups(int fd, gid_t *out, int most);

/* SO_PEERPIDFD of such a socket: a pidfd of its peer; -ENOPROTOOPT before 6.5. */
int ps_linux_peer_pidfd(int fd);

/* A pidfd of the process that has this number now; a thread's is none. */
int ps_linux_pidfd_open(pid_t pid);

/* 1 where SO_PEERPIDFD is there, 0 where it is not. */
int ps_linux_has_peer_pidfd(void);

/* 1 when the process of a pidfd has ended, 0 while it lives. */
int ps_linux_has_ended(int pidfd);

/*
 * SIOCGSKNS: the network namespace of a socket. That of an accepted Unix socket is the one in which the other end was
 * made. Needs CAP_NET_ADMIN.
 */
int ps_linux_socket_namespace(int fd);

/* Offloads that the legacy ethtool ioctl can switch. */
enum ps_linux_offload {
	PS_LINUX_OFFLOAD_TX_CHECKSUM,
	PS_LINUX_OFFLOAD_TSO,
	PS_LINUX_OFFLOAD_GSO,
	PS_LINUX_OFFLOAD_GRO,
};

int ps_linux_offload_get(const char *interface, enum ps_linux_offload offload);
int ps_linux_offload_set(const char *interface, enum ps_linux_offload offload, int on);

/*
 * Switches off every "tx-...-segmentation" of the device but the generic one, which is the stack's own: the list grows
 * with kernels, and the old ioctls know a part of it.
 */
int ps_linux_segmentation_off(const char *interface);

/* 1 when fd is an open network namespace (nsfs, CLONE_NEWNET), 0 when it is anything else. */
int ps_linux_is_network_namespace(int fd);

/* Moves the calling thread into the network namespace. */
int ps_linux_enter_network_namespace(int fd);

/* The effective capability set of the calling thread, one bit per capability number. */
int ps_linux_effective_capabilities(uint64_t *out);

/* From now on the process leaves no core, and only who may trace any process can read its memory. */
int ps_linux_forbid_dumps(void);

uint64_t ps_linux_boot_time_ns(void);

/* 1 when a time service keeps the clock (no STA_UNSYNC), 0 when none does. */
int ps_linux_clock_is_synchronized(void);

/* Binds a socket of type SOCK_STREAM or SOCK_DGRAM as a server would, and closes it. address: 4 or 16 bytes. */
int ps_linux_try_bind(const uint8_t *address, size_t count, uint16_t port, int type);

/* Overwrites memory in a way that no optimiser removes. */
void ps_linux_wipe(void *memory, size_t count);

/*
 * Starts a program with these standard input and output, and nothing else inherited but stderr. An output of -1 is thrown
 * away.
 */
int ps_linux_spawn(const char *path, char *const arguments[], int input, int output, pid_t *pid);

int ps_linux_open(const char *path, int flags, mode_t mode);

/*
 * From now on these signals are bytes in a pipe, of which the end to read from is answered; it does not block. Once in a process, and by
 * one thread.
 */
int ps_linux_take_signals(const int *numbers, size_t count);

/* Two files or directories get each other's names, at once. */
int ps_linux_exchange(const char *path, const char *other);
