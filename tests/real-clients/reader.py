"""Reads a cluster's partitions again and again through Debian's libslurm, as a client that stays; prints when each read began
and when it succeeded, or "-", in seconds of the monotonic clock.

SLURM_CONF=FILE python3 reader.py
"""

import ctypes
import time

PAUSE_S = 0.01


def main():
    slurm = ctypes.CDLL("libslurm.so.38", mode=ctypes.RTLD_GLOBAL)  # its plugins look for it
    slurm.slurm_init(None)
    answer = ctypes.c_void_p()
    while True:
        begin = time.monotonic()
        good = slurm.slurm_load_partitions(ctypes.c_long(0), ctypes.byref(answer), ctypes.c_uint16(0)) == 0
        print(f"{begin:.6f} " + (f"{time.monotonic():.6f}" if good else "-"), flush=True)
        if good:
            slurm.slurm_free_partition_info_msg(answer)
        time.sleep(PAUSE_S)


main()
