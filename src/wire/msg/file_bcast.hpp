// wire/msg/file_bcast.hpp — a block of a file for all nodes of a job (sbcast, srun --bcast).
#pragma once
#include <cstdint>
#include <string>

#include "codec/archive.hpp"
#include "wire/cred.hpp"

namespace flurm::wire {

/// flags of FileBcast (slurm 22.05 slurm_protocol_defs.h FILE_BCAST_*).
enum FileBcastFlag : std::uint16_t {
  bcast_force = 1u << 0,
  bcast_last_block = 1u << 1,
  bcast_shared_object = 1u << 2,
  bcast_executable = 1u << 3,
};

/// REQUEST_FILE_BCAST. compress: 0 none, 2 lz4 (1 was zlib). Blocks count from 1.
struct FileBcast {
  std::uint32_t block_no = 0;
  std::uint16_t compress = 0, flags = 0, modes = 0;
  std::uint32_t uid = 0;
  std::string user_name;
  std::uint32_t gid = 0;
  TimeS atime, mtime;
  std::string fname, exe_fname;
  std::uint32_t uncomp_len = 0;  // bytes of the block before compression
  std::uint64_t block_offset = 0, file_size = 0;
  std::string block;
  SbcastCred cred;
  bool operator==(const FileBcast&) const = default;
};
void fields(codec::Archive& ar, FileBcast& m);

}  // namespace flurm::wire
