// cli/local_conf.hpp — the configuration files of a local cluster.
#pragma once
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "cli/layout.hpp"

namespace flurm::cli {

/// The slurm.conf of a cluster with these settings. Lines of `extra` replace those with the same key (nodes and
/// partitions: the same name), "Key=" drops one, DEFAULT lines go before the nodes.
std::string local_slurm_conf(const Layout& layout, const Settings& settings, const std::string& host,
                             std::string_view extra);

std::string local_flurm_conf(const Layout& layout, const Settings& settings);

/// slurmdbd.conf of the same cluster: accounting in a SQLite file, or what `extra` says.
std::string local_slurmdbd_conf(const Layout& layout, const Settings& settings, std::string_view extra);

}  // namespace flurm::cli
