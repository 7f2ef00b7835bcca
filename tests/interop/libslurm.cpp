// tests/interop/libslurm.cpp — loading the library and calling it with opaque structures.
#include "libslurm.hpp"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

namespace flurm::interop {
namespace {

constexpr const char* kFolder = "/usr/lib/x86_64-linux-gnu/slurm-wlm";
constexpr std::uint16_t kProtocol2205 = 38 << 8;
constexpr std::size_t kMessageBytes = 4096;  // more than the library's message structure

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "libslurmfull: %s\n", why.c_str());
  std::exit(1);
}

template <class F>
void bind(void* library, const char* name, F& target) {
  target = reinterpret_cast<F>(dlsym(library, name));
  if (!target) give_up(std::string("no symbol ") + name);
}

}  // namespace

/// The head of the library's buffer, stable since it was written.
struct LibSlurm::Buffer {
  std::uint32_t magic;
  char* head;
  std::uint32_t size;
  std::uint32_t processed;
};

LibSlurm::LibSlurm(const std::string& folder) {
  std::string conf = folder + "/slurm.conf";
  std::ofstream(conf) << "ClusterName=interop\nSlurmctldHost=localhost(127.0.0.1)\nPluginDir=" << kFolder
                      << "\nSelectType=select/cons_tres\nSelectTypeParameters=CR_Core_Memory\nGresTypes=gpu\n"
                         "JobAcctGatherType=jobacct_gather/linux\nNodeName=n[1-4] CPUs=8 Gres=gpu:4\n"
                         "PartitionName=all Nodes=n[1-4] Default=YES\n";
  setenv("SLURM_CONF", conf.c_str(), 1);
  // Deep binding: the library and libc both have a function error(), and each must find its own.
  void* library = dlopen((std::string(kFolder) + "/libslurmfull.so").c_str(), RTLD_NOW | RTLD_GLOBAL | RTLD_DEEPBIND);
  if (!library) give_up(dlerror());
  bind(library, "unpack_msg", unpack_msg_);
  bind(library, "pack_msg", pack_msg_);
  bind(library, "slurm_msg_t_init", msg_init_);
  bind(library, "unpack_slurmdbd_msg", unpack_dbd_);
  bind(library, "pack_slurmdbd_msg", pack_dbd_);
  bind(library, "create_buf", create_buf_);
  bind(library, "init_buf", init_buf_);
  void (*init)(const char*) = nullptr;
  bind(library, "slurm_init", init);
  init(conf.c_str());

  // A fresh message has two neighbours that are NO_VAL16: its type and its protocol version.
  std::string message(kMessageBytes, '\0');
  msg_init_(message.data());
  for (std::size_t at = 0; at + 4 <= message.size(); at += 2) {
    std::uint16_t pair[2];
    std::memcpy(pair, message.data() + at, 4);
    if (pair[0] == 0xfffe && pair[1] == 0xfffe) {
      type_at_ = at;
      return;
    }
  }
  give_up("message structure not understood");
}

LibSlurm::Outcome LibSlurm::accounting_round_trip(std::uint16_t type, const std::string& body, bool repack) {
  Outcome outcome;
  const char number[2] = {static_cast<char>(type >> 8), static_cast<char>(type)};
  const std::string framed = std::string(number, 2) + body;
  std::string message(kMessageBytes, '\0');
  char* copy = static_cast<char*>(std::malloc(framed.size() + 1));
  std::memcpy(copy, framed.data(), framed.size());
  Buffer* in = create_buf_(copy, static_cast<std::uint32_t>(framed.size()));
  outcome.unpacked = unpack_dbd_(message.data(), kProtocol2205, in) == 0;
  outcome.left_over = in->size - in->processed;
  if (outcome.unpacked && repack) {
    Buffer* out = pack_dbd_(message.data(), kProtocol2205);
    if (out) outcome.repacked.assign(out->head + 2, out->processed - 2);
  }
  return outcome;
}

LibSlurm::Outcome LibSlurm::round_trip(std::uint16_t type, const std::string& body, bool repack) {
  if (type > 1400 && type < 1600 && type != 1433) return accounting_round_trip(type, body, repack);
  Outcome outcome;
  std::string message(kMessageBytes, '\0');
  msg_init_(message.data());
  std::memcpy(message.data() + type_at_, &type, 2);
  std::memcpy(message.data() + type_at_ + 2, &kProtocol2205, 2);
  char* copy = static_cast<char*>(std::malloc(body.size() + 1));
  std::memcpy(copy, body.data(), body.size());
  Buffer* in = create_buf_(copy, static_cast<std::uint32_t>(body.size()));
  outcome.unpacked = unpack_msg_(message.data(), in) == 0;
  outcome.left_over = in->size - in->processed;
  if (outcome.unpacked && repack) {
    Buffer* out = init_buf_(1 << 20);
    pack_msg_(message.data(), out);
    outcome.repacked.assign(out->head, out->processed);
  }
  return outcome;  // what the library allocated is left to the end of this short-lived process
}

}  // namespace flurm::interop
