// exec/step_order.cpp — see step_order.hpp.
#include "exec/step_order.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "codec/pack.hpp"
#include "exec/fd.hpp"
#include "fmt/format.h"

namespace flurm::exec {

std::string step_order_name(const StepKey& key) {
  return fmt::format("{}.{}{}", step_file_name(key.step_id), key.restart_count, kOrderSuffix);
}

Result<void> write_step_order(const std::string& directory, const StepState& ordered) {
  const std::string path = directory + "/" + step_order_name(ordered.key);
  const bool made = mkdir(directory.c_str(), 0750) == 0 || errno == EEXIST;
  Fd file(made ? open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600) : -1);
  if (!file || !write_all(file.get(), codec::pack(ordered, kStepProtocol))) {
    return fail(Errc::node_create_batch_dir, "{}: {}", path, std::strerror(errno));
  }
  return {};
}

void remove_step_order(const std::string& directory, const StepKey& key) {
  const std::string order = directory + "/" + step_order_name(key);
  unlink(order.c_str());
  unlink(order.substr(0, order.size() - kOrderSuffix.size()).append(kGivenUpSuffix).c_str());
  rmdir(directory.c_str());
}

Result<void> begin_step_order(int directory_fd, const StepKey& key) {
  const std::string order = step_order_name(key), state = step_file_name(key.step_id) + ".state";
  if (renameat(directory_fd, order.c_str(), directory_fd, state.c_str()) != 0) {
    return fail(Errc::node_credential_revoked, "{}: {}", order, std::strerror(errno));
  }
  return {};
}

Result<std::string> give_up_step_order(const std::string& directory, const std::string& name) {
  if (!name.ends_with(kOrderSuffix)) return name;
  std::string given_up = name.substr(0, name.size() - kOrderSuffix.size()).append(kGivenUpSuffix);
  if (rename((directory + "/" + name).c_str(), (directory + "/" + given_up).c_str()) != 0) {
    return fail(Errc::node_step_exists, "{}/{}: {}", directory, name, std::strerror(errno));
  }
  return given_up;
}

}  // namespace flurm::exec
