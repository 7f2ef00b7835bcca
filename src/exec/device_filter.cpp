// exec/device_filter.cpp — see device_filter.hpp. Version 2 of control groups has no file for devices: the kernel asks
// a program in its own byte code (BPF), attached to the group, about each opening of a device file.
#include "exec/device_filter.hpp"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <vector>

#include "exec/fd.hpp"
#include "fmt/format.h"

namespace flurm::exec {
namespace {

// The kernel's conventions: r0 is what the program answers, r1 points to what it is asked about.
enum Register : std::uint8_t { kAnswer = 0, kQuestion = 1, kKind = 2, kMajor = 3, kMinor = 4 };

bpf_insn load_word(Register to, std::size_t offset) {
  bpf_insn insn{};
  insn.code = BPF_LDX | BPF_MEM | BPF_W;
  insn.dst_reg = to;
  insn.src_reg = kQuestion;
  insn.off = static_cast<std::int16_t>(offset);
  return insn;
}

bpf_insn with_number(std::uint8_t code, Register of, std::uint32_t number, std::int16_t jump = 0) {
  bpf_insn insn{};
  insn.code = code;
  insn.dst_reg = of;
  insn.off = jump;
  insn.imm = static_cast<std::int32_t>(number);
  return insn;
}

void answer(std::vector<bpf_insn>& program, bool allowed) {
  program.push_back(with_number(BPF_ALU64 | BPF_MOV | BPF_K, kAnswer, allowed));
  program.push_back(with_number(BPF_JMP | BPF_EXIT, kAnswer, 0));
}

/// Denies what equals one of `devices` in kind, major and minor, whatever is wanted of it, and allows all others.
std::vector<bpf_insn> filter(std::span<const DeviceNumber> devices) {
  using Asked = bpf_cgroup_dev_ctx;
  constexpr std::uint32_t kKindBits = 0xffff;  // of access_type; what is wanted stands above
  constexpr std::uint8_t kUnequal = BPF_JMP | BPF_JNE | BPF_K;
  std::vector<bpf_insn> program = {
      load_word(kKind, offsetof(Asked, access_type)), with_number(BPF_ALU | BPF_AND | BPF_K, kKind, kKindBits),
      load_word(kMajor, offsetof(Asked, major)), load_word(kMinor, offsetof(Asked, minor))};
  for (const DeviceNumber& device : devices) {
    const std::uint32_t kind = device.is_block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
    program.push_back(with_number(kUnequal, kKind, kind, 4));  // each past the two of the answer
    program.push_back(with_number(kUnequal, kMajor, device.major, 3));
    program.push_back(with_number(kUnequal, kMinor, device.minor, 2));
    answer(program, false);
  }
  answer(program, true);
  return program;
}

long bpf(int command, bpf_attr& attributes) { return syscall(SYS_bpf, command, &attributes, sizeof attributes); }

template <class T>
std::uint64_t address(const T* of) {
  return reinterpret_cast<std::uintptr_t>(of);
}

}  // namespace

Result<void> deny_devices_v2(const std::string& directory, std::span<const DeviceNumber> devices) {
  const std::vector<bpf_insn> instructions = filter(devices);
  bpf_attr loading{};
  loading.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  loading.insns = address(instructions.data());
  loading.insn_cnt = static_cast<std::uint32_t>(instructions.size());
  loading.license = address("");
  const Fd program(static_cast<int>(bpf(BPF_PROG_LOAD, loading)));
  if (!program) return fail(Errc::io, "the kernel takes no filter of devices: {}", std::strerror(errno));

  const Fd group(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!group) return fail(Errc::io, "{}: {}", directory, std::strerror(errno));
  bpf_attr attaching{};
  attaching.attach_type = BPF_CGROUP_DEVICE;
  attaching.target_fd = static_cast<std::uint32_t>(group.get());
  attaching.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
  attaching.attach_flags = BPF_F_ALLOW_MULTI;  // beside those of the groups above, systemd's among them
  if (bpf(BPF_PROG_ATTACH, attaching) != 0)
    return fail(Errc::io, "{}: no filter of devices: {}", directory, std::strerror(errno));
  return {};
}

Result<void> deny_devices_v1(const std::string& directory, std::span<const DeviceNumber> devices) {
  for (const DeviceNumber& device : devices)
    FLURM_TRY_VOID(
        write_kernel_file(directory + "/devices.deny",
                          fmt::format("{} {}:{} rwm", device.is_block ? 'b' : 'c', device.major, device.minor)));
  return {};
}

}  // namespace flurm::exec
