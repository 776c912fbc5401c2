# SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
"""The datapath on a bench: the compiled programs on maps of their own, filled by hand, driven packet by packet."""
