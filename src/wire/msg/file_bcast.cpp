// wire/msg/file_bcast.cpp — fields in wire order, with the releases that have them.
#include "wire/msg/file_bcast.hpp"

#include "wire/versions.hpp"

namespace flurm::wire {

using codec::Archive, codec::count, codec::since, codec::sized;

void fields(Archive& ar, FileBcast& m) {
  ar("block_no", m.block_no);
  ar("compress", m.compress);
  ar("flags", m.flags);
  ar("modes", m.modes);
  ar("uid", m.uid);
  ar("user_name", m.user_name);
  ar("gid", m.gid);
  ar("atime", m.atime);
  ar("mtime", m.mtime);
  ar("fname", m.fname);
  ar("exe_fname", m.exe_fname, since(v24_05));
  auto block_len = static_cast<std::uint32_t>(m.block.size());
  ar("block_len", count(block_len));
  ar("uncomp_len", m.uncomp_len);
  ar("block_offset", m.block_offset);
  ar("file_size", m.file_size);
  ar("block", sized(m.block, block_len));
  ar("cred", m.cred);
}

}  // namespace flurm::wire
