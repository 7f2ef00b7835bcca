// ctld/translate/configure.cpp — see configure.hpp.
#include "ctld/translate/configure.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "base/hostlist.hpp"
#include "base/log.hpp"
#include "ctld/job_defaults.hpp"
#include "ctld/mcs.hpp"

namespace flurm::ctld {
namespace {

/// "1,10-12"; nothing, with a line in the log, when it is not of that form.
model::TaskSet exit_codes(std::string_view key, const std::string& text) {
  constexpr std::uint32_t kExitCodeMax = 255;
  if (text.empty()) return {};
  auto codes = model::TaskSet::parse(text, kExitCodeMax);
  if (!codes) log(Level::error, "config.no_exit_codes", {{"key", key}, {"text", text}});
  return codes.value_or(model::TaskSet{});
}

/// Of "gres/gpu,cpu,gres/gpu:tesla" the generic resources.
std::string counted_gres(std::string_view tres) {
  constexpr std::string_view kPrefix = "gres/";
  std::string out;
  for (std::string_view each : conf::split_list(tres)) {
    if (!each.starts_with(kPrefix)) continue;
    if (!out.empty()) out += ',';
    out += each.substr(kPrefix.size());
  }
  return out;
}

/// A second more than a credential lives, so that none of an earlier run is taken for one of the next.
/// Source: slurm 22.05 src/slurmctld/job_mgr.c batch_requeue_fini(), src/common/slurm_cred.c.
std::uint32_t requeue_wait_s(const std::string& auth_info) {
  constexpr std::uint32_t kUsualS = 120, kLeastS = 5;
  std::string text;
  std::uint32_t expire_s = kUsualS;
  if (conf::Config::has_option(auth_info, "cred_expire", &text)) {
    std::uint32_t given_s = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), given_s);
    if (read.ec == std::errc{} && given_s >= kLeastS) {
      expire_s = given_s;
    } else {
      log(Level::error, "config.no_cred_expire", {{"text", text}, {"seconds", kUsualS}});
    }
  }
  return expire_s + 1;
}

/// "name=7" of a list of options.
std::uint32_t number_option(const std::string& list, std::string_view name, std::uint32_t usual) {
  std::string text;
  std::uint32_t number = 0;
  if (!conf::Config::has_option(list, name, &text)) return usual;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc{} ? number : usual;
}

/// MpiParams=ports=12000-12999. Source: slurm 22.05 src/slurmctld/port_mgr.c reserve_port_config().
void set_step_ports(const std::string& mpi_params, model::Settings& s) {
  constexpr std::string_view kOption = "ports=";
  s.step_ports_by_default = !mpi_params.empty();
  const std::size_t at = mpi_params.find(kOption);
  if (at == std::string::npos) return;
  const char* const end = mpi_params.data() + mpi_params.size();
  std::uint16_t first = 0, last = 0;
  const auto read = std::from_chars(mpi_params.data() + at + kOption.size(), end, first);
  const bool range = read.ec == std::errc{} && first > 0 && read.ptr < end && *read.ptr == '-';
  if (range && std::from_chars(read.ptr + 1, end, last).ec == std::errc{} && last >= first) {
    s.step_port_min = first;
    s.step_port_max = last;
  } else {
    log(Level::error, "config.mpi_ports", {{"MpiParams", mpi_params}});
  }
}

/// The options are PreemptParameters of newer releases, and SchedulerParameters and SlurmctldParameters of 22.05.
model::PreemptRule preempt_rule(const conf::Config& c) {
  const auto either = [&](std::string_view name) {
    return conf::Config::has_option(c.preempt_params, name) ||
           conf::Config::has_option(c.sched_params, "preempt_" + std::string(name));
  };
  using By = model::PreemptRule::By;
  model::PreemptRule rule;
  if (c.preempt_type == "preempt/partition_prio") rule.by = By::partition;
  if (c.preempt_type == "preempt/qos") rule.by = By::qos;
  rule.mode = c.preempt_mode;
  rule.exempt_s = c.preempt_exempt_time;
  rule.youngest_first = either("youngest_first");
  rule.strict_order = either("strict_order");
  const std::uint32_t count = number_option(c.sched_params, "preempt_reorder_count", rule.reorder_count);
  rule.reorder_count = static_cast<std::uint16_t>(
      std::min<std::uint32_t>(number_option(c.preempt_params, "reorder_count", count), 1000));
  rule.send_user_signal = conf::Config::has_option(c.preempt_params, "send_user_signal") ||
                          conf::Config::has_option(c.slurmctld_params, "preempt_send_user_signal");
  rule.time_slice_s = c.sched_time_slice;
  return rule;
}

model::Settings settings_of(const conf::Config& c, std::uint32_t slurm_user) {
  model::Settings s;
  s.cluster_name = c.cluster_name;
  s.slurm_user = slurm_user;
  s.first_job_id = c.first_job_id;
  s.max_job_id = c.max_job_id;
  s.max_job_count = c.max_job_cnt;
  s.max_array_size = c.max_array_sz;
  s.min_job_age_s = c.min_job_age;
  s.kill_wait_s = c.kill_wait;
  s.over_time_limit = c.over_time_limit;
  s.batch_start_timeout_s = c.batch_start_timeout;
  s.return_to_service = c.ret2service;
  s.job_requeue = c.job_requeue != 0;
  s.kill_on_bad_exit = c.kill_on_bad_exit;
  s.enforce_part_limits = c.enforce_part_limits;
  s.def_mem_per_cpu = c.def_mem_per_cpu;
  s.max_mem_per_cpu = c.max_mem_per_cpu;
  s.max_tasks_per_node = c.max_tasks_per_node;
  s.licenses = c.licenses;
  s.select_linear = c.select_type == "select/linear";
  s.cr_type = c.select_type_param;
  s.mcs_select = mcs_rule(c).select;
  s.multifactor = c.priority_type == "priority/multifactor";
  s.priority = {.age = c.priority_weight_age,
                .job_size = c.priority_weight_js,
                .partition = c.priority_weight_part,
                .tres = c.priority_weight_tres,
                .max_age_s = c.priority_max_age,
                .calc_period_s = c.priority_calc_period,
                .flags = c.priority_flags,
                .favor_small = c.priority_favor_small,
                .half_life_s = c.priority_decay_hl,
                .usage_reset = c.priority_reset_period,
                .fair_share = c.priority_weight_fs,
                .association = c.priority_weight_assoc,
                .qos = c.priority_weight_qos,
                .damping = c.fs_dampening_factor};
  if (c.accounting_storage_type == "accounting_storage/slurmdbd") s.enforce = c.accounting_storage_enforce;
  s.preempt = preempt_rule(c);
  s.track_wckey = c.track_wckey;
  s.accounting = c.accounting_storage_type == "accounting_storage/slurmdbd" &&
                 !(c.accounting_storage_enforce & model::enforce_flag::no_jobs);
  s.store_script = c.store_job_script;
  s.store_environment = c.store_job_env;
  s.reports_max = c.max_dbd_msgs;
  set_step_ports(c.mpi_params, s);
  // Source: slurm 22.05 src/common/slurmdbd_defs.c, controller.c: DEFAULT_MAX_DBD_MSGS.
  if (s.reports_max == 0)
    s.reports_max = std::max<std::uint32_t>(10000, c.max_job_cnt * 2 + static_cast<std::uint32_t>(c.nodes.size()) * 4);
  s.prolog_at_start = (c.prolog_flags & conf::kPrologAlloc) != 0;
  s.extern_step = (c.prolog_flags & conf::kPrologContain) != 0;
  s.gres_types = c.gres_plugins;
  s.counted_gres = counted_gres(c.accounting_storage_tres);
  s.requeue_wait_s = requeue_wait_s(c.authinfo);
  s.controller_prolog = !c.prolog_slurmctld.empty();
  s.topology_optional = conf::Config::has_option(c.topology_param, "TopoOptional");
  s.switch_wait_max_s = number_option(c.sched_params, "max_switch_wait", s.switch_wait_max_s);
  s.reboot_timeout_s = c.resume_timeout;
  s.controller_epilog = !c.epilog_slurmctld.empty();
  s.max_batch_requeue = static_cast<std::uint16_t>(c.max_batch_requeue);
  s.backfill = c.schedtype == "sched/backfill";
  s.requeue_exit = exit_codes("RequeueExit", c.requeue_exit);
  s.requeue_exit_hold = exit_codes("RequeueExitHold", c.requeue_exit_hold);
  s.ignore_prefer_validation = conf::Config::has_option(c.sched_params, "ignore_prefer_validation");
  s.kill_invalid_dependency = conf::Config::has_option(c.dependency_params, "kill_invalid_depend");
  return s;
}

}  // namespace

model::NodeConfig node_config(const conf::NodeDef& d) {
  model::NodeConfig n;
  n.name = d.name;
  n.hostname = d.hostname;
  n.address = d.addr;
  n.bcast_address = d.bcast_addr;
  n.port = d.port;
  n.cpus = d.cpus;
  n.boards = d.boards;
  n.sockets = d.sockets;
  n.cores = d.cores_per_socket;
  n.threads = d.threads_per_core;
  n.real_memory = d.real_memory;
  n.tmp_disk = d.tmp_disk;
  n.weight = d.weight;
  n.core_spec_count = d.core_spec_count;
  n.cpu_spec_list = d.cpu_spec_list;
  n.mem_spec_limit = d.mem_spec_limit;
  n.cpu_bind = d.cpu_bind;
  n.features = d.features;
  n.gres = d.gres;
  n.tres_weights = d.tres_weights;
  n.reason = d.reason;
  n.initial_state = d.state;
  return n;
}

namespace {

std::uint32_t flags_of(const conf::PartitionDef& d, const conf::Config& c) {
  namespace flag = model::partition_flag;
  std::uint32_t flags = 0;
  if (d.is_default) flags |= flag::is_default;
  if (d.hidden) flags |= flag::hidden;
  if (d.disable_root_jobs == 1 || (d.disable_root_jobs == kNoVal8 && c.disable_root_jobs)) flags |= flag::no_root;
  if (d.root_only) flags |= flag::root_only;
  if (d.req_resv) flags |= flag::req_resv;
  if (d.lln) flags |= flag::lln;
  if (d.exclusive_user) flags |= flag::exclusive_user;
  return flags;
}

model::Partition partition_of(const conf::PartitionDef& d, const conf::Config& c) {
  model::Partition p;
  p.name = d.name;
  std::string names;
  for (std::uint32_t index : d.node_index) {
    if (!names.empty()) names += ',';
    names += c.nodes[index].name;
  }
  p.nodes_text = conf::same_word(d.nodes, "ALL") ? "ALL" : names;  // all that there will be
  for (const conf::NodeSetDef& set : c.node_sets)
    if (d.nodes == set.name) p.nodesets = set.name;
  p.flags = flags_of(d, c);
  p.state_up = d.state;
  p.max_time = d.max_time_min;
  p.default_time = d.default_time_min;
  p.max_nodes = d.max_nodes;
  p.min_nodes = d.min_nodes;
  p.max_cpus_per_node = d.max_cpus_per_node;
  p.max_cpus_per_socket = d.max_cpus_per_socket;
  p.def_mem_per_cpu = d.def_mem_per_cpu;
  p.max_mem_per_cpu = d.max_mem_per_cpu;
  p.job_defaults = to_text(JobDefaults{.cpus_per_gpu = d.def_cpu_per_gpu, .mib_per_gpu = d.def_mem_per_gpu});
  p.max_share = d.max_share;
  p.over_time_limit = d.over_time_limit;
  p.preempt_mode = d.preempt_mode;
  p.priority_job_factor = d.priority_job_factor;
  p.priority_tier = d.priority_tier;
  p.cr_type = d.select_param;
  p.grace_time = d.grace_time;
  p.resume_timeout = d.resume_timeout;
  p.suspend_timeout = d.suspend_timeout;
  p.suspend_time = d.suspend_time;
  p.cpu_bind = d.cpu_bind;
  p.allow_accounts = d.allow_accounts;
  p.allow_groups = d.allow_groups;
  p.allow_alloc_nodes = d.allow_alloc_nodes;
  p.allow_qos = d.allow_qos;
  p.qos = d.qos;
  p.alternate = d.alternate;
  p.deny_accounts = d.deny_accounts;
  p.deny_qos = d.deny_qos;
  p.billing_weights = d.tres_billing_weights;
  return p;
}

/// Lowest first. Source: slurm 22.05 src/plugins/topology/tree/topology_tree.c _validate_switches().
std::vector<model::Switch> switches_of(const conf::TopologyConf& topology) {
  std::map<std::string, std::pair<std::uint16_t, std::vector<std::string>>> known;  // level, and nodes below
  std::vector<model::Switch> out;
  while (known.size() < topology.switches.size()) {  // no switch stands above itself: each round finds one
    for (const conf::SwitchDef& def : topology.switches) {
      if (known.contains(def.name)) continue;
      std::uint16_t level = 0;
      std::vector<std::string> nodes = def.nodes;
      bool complete = true;
      for (const std::string& below : def.switches) {
        const auto found = known.find(below);
        complete = complete && found != known.end();
        if (!complete) break;
        level = std::max<std::uint16_t>(level, static_cast<std::uint16_t>(found->second.first + 1));
        nodes.insert(nodes.end(), found->second.second.begin(), found->second.second.end());
      }
      if (!complete) continue;
      std::ranges::sort(nodes, [](const std::string& a, const std::string& b) { return compare_hosts(a, b) < 0; });
      const auto twice = std::ranges::unique(nodes);
      nodes.erase(twice.begin(), twice.end());
      out.push_back({.name = def.name,
                     .level = level,
                     .link_speed = def.link_speed,
                     .nodes = compress_hosts_sorted(nodes),
                     .switches = compress_hosts(def.switches)});
      known.emplace(def.name, std::pair{level, std::move(nodes)});
    }
  }
  std::ranges::stable_sort(out, {}, &model::Switch::level);
  return out;
}

}  // namespace

state::Configure configure_command(const conf::Config& config, std::uint32_t slurm_user,
                                   const conf::TopologyConf& topology) {
  state::Configure command;
  command.settings = settings_of(config, slurm_user);
  if (config.topology_plugin == "topology/tree") command.settings.switches = switches_of(topology);
  for (const conf::NodeDef& node : config.nodes) command.nodes.push_back(node_config(node));
  for (const conf::DownNodes& down : config.down_nodes)
    for (std::uint32_t index : down.node_index) {
      command.nodes[index].initial_state = down.state;
      command.nodes[index].reason = down.reason;
    }
  for (const conf::PartitionDef& partition : config.partitions)
    command.partitions.push_back(partition_of(partition, config));
  return command;
}

}  // namespace flurm::ctld
