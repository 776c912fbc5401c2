/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
#ifndef PODSHIELD_EXCHANGE_H
#define PODSHIELD_EXCHANGE_H

/* At the start of every message of `exchange`; what `wire` looks for. */
#define PS_EXCHANGE_MARK "not for the eyes of the wire"

#endif
