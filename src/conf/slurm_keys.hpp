// conf/slurm_keys.hpp — the table of slurm.conf keys, and readers for values with a grammar of their own.
// Internal to conf/.
#pragma once
#include <span>

#include "conf/table.hpp"

namespace flurm::conf {

/// Keys that stand alone on a line (not NodeName= and other records).
std::span<const Key<Config>> slurm_keys();
std::span<const Key<NodeDef>> node_keys();
std::span<const Key<PartitionDef>> partition_keys();

/// Readers for rows of these tables: see Key::custom.
namespace special {

Result<void> accounting_enforce(std::string_view value, Config& out);
Result<void> accounting_tres(std::string_view value, Config& out);
Result<void> accounting_store_flags(std::string_view value, Config& out);
Result<void> bcast_exclude(std::string_view value, Config& out);
Result<void> cpu_freq_def(std::string_view value, Config& out);
Result<void> cpu_freq_governors(std::string_view value, Config& out);
Result<void> health_check_node_state(std::string_view value, Config& out);
Result<void> infiniband_type(std::string_view value, Config& out);
Result<void> crypto_type(std::string_view value, Config& out);
Result<void> job_requeue(std::string_view value, Config& out);
Result<void> log_time_format(std::string_view value, Config& out);
Result<void> mpi_default(std::string_view value, Config& out);
Result<void> preempt_mode(std::string_view value, Config& out);
Result<void> priority_flags(std::string_view value, Config& out);
Result<void> rlimits(std::string_view value, Config& out);
Result<void> rlimits_except(std::string_view value, Config& out);
Result<void> select_type_param(std::string_view value, Config& out);
Result<void> slurmctld_port(std::string_view value, Config& out);
Result<void> srun_port_range(std::string_view value, Config& out);
Result<void> suspend_time(std::string_view value, Config& out);
Result<void> task_plugin_param(std::string_view value, Config& out);

Result<void> node_state(std::string_view value, NodeDef& out);
Result<void> node_cpu_bind(std::string_view value, NodeDef& out);

Result<void> partition_over_subscribe(std::string_view value, PartitionDef& out);
Result<void> partition_over_time_limit(std::string_view value, PartitionDef& out);
Result<void> partition_preempt_mode(std::string_view value, PartitionDef& out);
Result<void> partition_priority(std::string_view value, PartitionDef& out);
Result<void> partition_select_param(std::string_view value, PartitionDef& out);
Result<void> partition_state(std::string_view value, PartitionDef& out);
Result<void> partition_suspend_time(std::string_view value, PartitionDef& out);
Result<void> partition_disable_root(std::string_view value, PartitionDef& out);
Result<void> partition_cpu_bind(std::string_view value, PartitionDef& out);

}  // namespace special

/// A PreemptMode value: at most one of OFF, CANCEL, REQUEUE, SUSPEND, with GANG or WITHIN.
Result<std::uint16_t> parse_preempt_mode(std::string_view value);
/// State= of NodeName and DownNodes.
Result<std::uint32_t> parse_node_state(std::string_view value);

}  // namespace flurm::conf
