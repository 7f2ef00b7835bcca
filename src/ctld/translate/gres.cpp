// ctld/translate/gres.cpp — see gres.hpp.
#include "ctld/translate/gres.hpp"

#include <algorithm>

#include "model/gres_request.hpp"

namespace flurm::ctld {
namespace {

wire::Bits device_bits(const model::GresShare& share) {
  if (share.device_count == 0) return {};
  wire::Bits bits(share.device_count);
  for (std::uint32_t device = 0; device < share.device_count; ++device)
    if (model::has_device(share.devices, device)) bits.set(device);
  return bits;
}

/// Counts and devices of one kind and type on all of the job's nodes.
struct ByNode {
  std::string name, type;
  std::uint64_t total = 0;
  std::vector<std::uint64_t> counts;
  std::vector<wire::Bits> bits;
  bool with_devices = false;
};

void add(std::vector<ByNode>& out, const model::GresShare& share, std::size_t node, std::size_t nodes) {
  auto same =
      std::ranges::find_if(out, [&](const ByNode& each) { return each.name == share.name && each.type == share.type; });
  if (same == out.end())
    same = out.insert(out.end(), ByNode{.name = share.name,
                                        .type = share.type,
                                        .total = 0,
                                        .counts = std::vector<std::uint64_t>(nodes),
                                        .bits = std::vector<wire::Bits>(nodes)});
  same->total += share.count;
  same->counts[node] += share.count;
  same->bits[node] = device_bits(share);
  same->with_devices = same->with_devices || share.device_count != 0;
}

std::vector<ByNode> by_node(const model::Job& job) {
  const auto& shares = job.allocation->shares;
  std::vector<ByNode> out;
  for (std::size_t i = 0; i < shares.size(); ++i)
    for (const model::GresShare& share : shares[i].gres) add(out, share, i, shares.size());
  return out;
}

const model::GresWish* wish_for(const std::vector<model::GresWish>& wishes, const ByNode& each) {
  const auto found = std::ranges::find_if(wishes, [&](const model::GresWish& wish) {
    return wish.name == each.name && (wish.type.empty() || wish.type == each.type);
  });
  return found == wishes.end() ? nullptr : &*found;
}

/// What both kinds of record say.
template <class Record>
void set_held(Record& record, ByNode& each) {
  record.plugin_id = wire::gres_plugin_id(each.name);
  record.total_gres = each.total;
  record.type_name = each.type;
  record.node_cnt = static_cast<std::uint32_t>(each.counts.size());
  record.gres_per_bit_alloc.resize(each.counts.size());
  record.gres_cnt_node_alloc = std::move(each.counts);
  if (each.with_devices) record.gres_bit_alloc = std::move(each.bits);
}

}  // namespace

std::vector<wire::GresJobState> job_gres(const model::Job& job, const model::Settings& settings) {
  std::vector<wire::GresJobState> out;
  const auto wishes = model::gres_wishes(*job.request, settings.gres_types);
  for (ByNode& each : by_node(job)) {
    wire::GresJobState& record = out.emplace_back();
    if (const model::GresWish* wish = wishes ? wish_for(*wishes, each) : nullptr) {
      record.cpus_per_gres = static_cast<std::uint16_t>(wish->cpus_each);
      record.gres_per_job = wish->per_job;
      record.gres_per_node = wish->per_node;
      record.gres_per_socket = wish->per_socket;
      record.gres_per_task = wish->per_task;
      record.mem_per_gres = wish->memory_each_mib;
      record.ntasks_per_gres = wish->tasks_each;
    }
    record.gres_per_bit_step_alloc.resize(each.counts.size());
    set_held(record, each);
  }
  return out;
}

std::vector<wire::GresStepState> step_gres(const model::Job& job, const model::Step& step,
                                           const model::Settings& settings) {
  const auto& shares = job.allocation->shares;
  std::vector<ByNode> held;
  wire::Bits in_use(static_cast<std::uint32_t>(shares.size()));
  for (const model::StepShare& mine : step.placement->shares) {
    const auto at = std::ranges::find(shares, mine.node, &model::NodeShare::node);
    if (at == shares.end()) continue;
    const auto index = static_cast<std::size_t>(at - shares.begin());
    in_use.set(static_cast<std::uint32_t>(index));
    for (const model::GresShare& share : mine.gres) add(held, share, index, shares.size());
  }
  const model::StepRequest& r = *step.request;
  const auto wishes = model::gres_wishes({.per_job = r.tres_per_step,
                                          .per_node = r.tres_per_node,
                                          .per_socket = r.tres_per_socket,
                                          .per_task = r.tres_per_task,
                                          .cpus_each = r.cpus_per_tres,
                                          .memory_each = r.mem_per_tres},
                                         settings.gres_types);
  std::vector<wire::GresStepState> out;
  for (ByNode& each : held) {
    wire::GresStepState& record = out.emplace_back();
    if (const model::GresWish* wish = wishes ? wish_for(*wishes, each) : nullptr) {
      record.cpus_per_gres = static_cast<std::uint16_t>(wish->cpus_each);
      record.gres_per_step = wish->per_job;
      record.gres_per_node = wish->per_node;
      record.gres_per_socket = wish->per_socket;
      record.gres_per_task = wish->per_task;
      record.mem_per_gres = wish->memory_each_mib;
    }
    record.node_in_use = in_use;
    set_held(record, each);
  }
  return out;
}

std::vector<wire::GresPrep> gres_for_scripts(const model::Job& job) {
  std::vector<wire::GresPrep> out;
  if (!job.allocation) return out;
  for (ByNode& each : by_node(job)) {
    if (each.name != "gpu" && !model::is_shared_gres(each.name)) continue;
    wire::GresPrep& record = out.emplace_back();
    record.plugin_id = wire::gres_plugin_id(each.name);
    record.node_cnt = static_cast<std::uint32_t>(each.counts.size());
    record.gres_cnt_node_alloc = std::move(each.counts);
    if (each.with_devices) record.gres_bit_alloc = std::move(each.bits);
  }
  return out;
}

}  // namespace flurm::ctld
