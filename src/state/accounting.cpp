// state/accounting.cpp — see accounting.hpp.
#include "state/accounting.hpp"

#include <algorithm>

namespace flurm::state {
namespace {

/// sacctmgr writes names in small letters, users may not.
std::string small(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

const acct::Assoc* live(const acct::Assoc* assoc) { return assoc && !assoc->deleted ? assoc : nullptr; }

}  // namespace

const acct::Assoc* assoc_for(const acct::Books& books, const std::string& cluster, const model::JobRequest& request,
                             std::string_view partitions) {
  std::string account = small(request.account);
  if (account.empty()) {
    const acct::Assoc* usual = books.default_assoc(cluster, request.user_name);
    if (!usual) return nullptr;
    account = usual->account;
  }
  while (!partitions.empty()) {
    const std::size_t comma = std::min(partitions.find(','), partitions.size());
    const acct::Assoc* own =
        books.find_assoc(cluster, account, request.user_name, std::string(partitions.substr(0, comma)));
    if (live(own) && !own->partition.empty()) return own;
    partitions.remove_prefix(std::min(comma + 1, partitions.size()));
  }
  return live(books.find_assoc(cluster, account, request.user_name, ""));
}

Result<std::uint32_t> qos_for(const acct::Books& books, const acct::Assoc* assoc, std::string_view name) {
  if (books.qos.size() == 0) return 0;
  const auto by_name = [&](std::string_view wanted) -> Result<std::uint32_t> {
    const acct::Qos* qos = books.find_qos(small(wanted));
    if (!qos || qos->deleted) return fail(Errc::invalid_qos, "there is no QOS {}", wanted);
    return qos->id;
  };
  if (!name.empty()) return by_name(name);
  std::uint32_t id = assoc ? assoc->limits.def_qos_id : kInfinite32;
  if (id == kInfinite32 && assoc && assoc->qos.size() == 1) id = assoc->qos.front();
  if (id == kInfinite32)
    for (const auto& [root_id, root] : books.assocs().rows())
      if (root->parent_id == 0 && root->user.empty()) {
        id = root->limits.def_qos_id;
        break;
      }
  if (id == kInfinite32) return by_name("normal");
  if (!books.qos.find_live(id)) return fail(Errc::invalid_qos, "there is no QOS with the id {}", id);
  return id;
}

}  // namespace flurm::state
