// cli/cli.cpp — commands and their options, handed to the functions that do the work. CLI11 stays in this file.
#include "cli/cli.hpp"

#include <cstdio>

#include "CLI/CLI.hpp"
#include "cli/backup.hpp"
#include "cli/cluster.hpp"
#include "cli/config_check.hpp"
#include "cli/control.hpp"
#include "cli/history.hpp"
#include "cli/local.hpp"
#include "cli/recover.hpp"
#include "cli/upgrade.hpp"

namespace flurm::cli {
namespace {

/// Prints a failure the way all commands do.
int report(const Result<void>& result) {
  if (result) return 0;
  std::fprintf(stderr, "flurm: %s\n", result.error().text.c_str());
  return 1;
}

void local_commands(CLI::App& app, int& status) {
  auto* local = app.add_subcommand("local", "a whole cluster on this machine");
  local->require_subcommand(1);
  // The folder is asked for in each command, after its name.
  static LocalOptions options;
  auto add = [&](const char* name, const char* what) {
    auto* command = local->add_subcommand(name, what);
    command->add_option("--dir", options.dir, "the cluster's folder (default: " + default_local_dir() + ")")
        ->type_name("DIR");
    return command;
  };
  auto* up = add("up", "start what is not running; state is kept");
  up->add_option("--nodes", options.nodes, "number of nodes (default 3)")->check(CLI::Range(1, 1000));
  up->add_option("--controllers", options.controllers, "number of controllers (default 1)")->check(CLI::Range(1, 7));
  up->add_flag("--dbd", options.dbd, "with accounting: flurmdbd");
  up->add_option("--conf-extra", options.conf_extra,
                 "lines that replace or extend those of slurm.conf; 'Key=' drops one")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  up->add_option("--slurm-user", options.slurm_user,
                 "who the controller runs as (root only; default: slurm if there is such a user, else root)")
      ->type_name("USER");
  up->callback([&] { status = report(local_up(options)); });
  add("env", "print what a shell needs to use the cluster: eval \"$(flurm local env)\"")->callback([&] {
    status = report(local_env(options));
  });
  add("status", "print what runs")->callback([&] { status = local_status(options); });
  add("down", "stop everything, jobs included; state is kept")->callback([&] { status = report(local_down(options)); });
}

void cluster_commands(CLI::App& app, int& status) {
  auto* cluster = app.add_subcommand("cluster", "the controllers of a cluster");
  cluster->require_subcommand(1);
  static ClusterOptions options;
  auto* show = cluster->add_subcommand("status", "print who leads, who is there and how far each is");
  show->add_option("--dir", options.local_dir, "a local cluster's folder")->type_name("DIR");
  show->add_flag("--json", options.json, "as JSON, with everything");
  show->callback([&] { status = cluster_status(options); });

  static std::string name;
  const auto order = [&](const char* command, const char* what, bool named) {
    auto* sub = cluster->add_subcommand(command, what);
    sub->add_option("--dir", options.local_dir, "a local cluster's folder")->type_name("DIR");
    sub->callback([&status, path = std::string("/api/cluster/") + command] {
      status =
          order_and_print(options.local_dir, path, {{"name", name}, {"address", configured_address(options, name)}});
    });
    return named ? sub->add_option("NAME", name) : nullptr;
  };
  order("add", "let a controller join: NAME or NAME=HOST[:PORT]", true)->required();
  order("remove", "go on without a controller", true)->required();
  order("transfer-leadership", "let another controller lead: NAME, or whoever is furthest", true);
  order("force-election", "let the controllers choose a leader anew", false);

  static RecoverOptions recovery;
  auto* recover = cluster->add_subcommand("recover", "when most controllers are lost for good: go on with this one");
  recover->add_option("DIR", recovery.data_dir, "data directory of the controller that is left")->required();
  recover->add_flag("--yes", recovery.yes, "do it");
  recover->callback([&] { status = report(recover_cluster(recovery)); });

  static RebuildOptions rebuilding;
  auto* rebuild =
      cluster->add_subcommand("rebuild", "when a controller's disk was bad: let it get everything from the others");
  rebuild->add_option("DIR", rebuilding.data_dir, "its data directory")->required();
  rebuild->add_option("--dir", rebuilding.local_dir, "a local cluster's folder")->type_name("DIR");
  rebuild->callback([&] { status = report(rebuild_controller(rebuilding)); });
}

/// `flurm drain`, `flurm resume`, `flurm upgrade`, `flurm versions`.
void administration_commands(CLI::App& app, int& status) {
  static ClusterOptions options;
  static std::string reason;
  const auto add = [&](const char* name, const char* what) {
    auto* command = app.add_subcommand(name, what);
    command->add_option("--dir", options.local_dir, "a local cluster's folder")->type_name("DIR");
    return command;
  };
  auto* drain = add("drain", "refuse new jobs; what waits or runs goes on");
  drain->add_option("REASON", reason, "what users are told who submit a job");
  drain->callback([&] { status = order_and_print(options.local_dir, "/api/drain", {{"reason", reason}}); });
  add("resume", "take new jobs again")->callback([&] {
    status = order_and_print(options.local_dir, "/api/resume", {});
  });
  static UpgradeOptions upgrade;
  auto* replace = app.add_subcommand(
      "upgrade", "another program takes the place of the controllers, or of a node's daemon, while they serve");
  replace->add_option("BINARY", upgrade.program,
                      "the new flurmctld (default: what now stands where each was started from)");
  auto* controller =
      replace->add_option("--controller", upgrade.controller, "only this one (default: one after the other)");
  controller->type_name("NAME");
  replace->add_option("--node", upgrade.node, "the daemon of this node, on this machine")
      ->type_name("NAME")
      ->excludes(controller);
  replace->add_option("--dir", upgrade.local_dir, "a local cluster's folder")->type_name("DIR");
  replace->callback(
      [&] { status = report(upgrade.node.empty() ? upgrade_controllers(upgrade) : upgrade_node(upgrade)); });
  auto* versions = add("versions", "print the release of each controller and the format of the state in use");
  versions->add_flag("--json", options.json, "as JSON");
  versions->callback([&] { status = cluster_versions(options); });
}

void backup_commands(CLI::App& app, int& status) {
  auto* backup = app.add_subcommand("backup", "the whole state in a file");
  backup->require_subcommand(1);
  static BackupOptions options;
  const auto add = [&](const char* name, const char* what, Result<void> (*command)(const BackupOptions&),
                       bool of_cluster) {
    auto* added = backup->add_subcommand(name, what);
    added->add_option("FILE", options.file, "the backup")->required();
    if (of_cluster) added->add_option("--dir", options.local_dir, "a local cluster's folder")->type_name("DIR");
    added->callback([&status, command] { status = report(command(options)); });
  };
  add("create", "take a backup of a running cluster, from any of its controllers", backup_create, true);
  add("verify", "check a backup, and print what it holds", backup_verify, false);
  add("restore", "make the data directory of this machine's controller from a backup; run it for each one",
      backup_restore, true);
}

/// `flurm log list`, `flurm state`, `flurm replay`: what the log of a controller remembers.
void history_commands(CLI::App& app, int& status) {
  static HistoryOptions options;
  const auto add_where = [](CLI::App* command) {
    command->add_option("--dir", options.local_dir, "a local cluster's folder")->type_name("DIR");
    command->add_option("--data", options.data_dir, "a controller's data directory, or a copy of it")->type_name("DIR");
  };
  auto* log = app.add_subcommand("log", "the controllers' log");
  log->require_subcommand(1);
  auto* list = log->add_subcommand("list", "print the entries that are kept: index, time, command");
  add_where(list);
  list->add_flag("--long", options.full, "with everything in them");
  list->callback([&] { status = report(log_list(options)); });

  auto* state = app.add_subcommand("state", "print the state of a past moment as JSON");
  add_where(state);
  auto* at = state->add_option("--at", options.at, "as it was then: 2026-11-21T10:00:00 (local time), or Unix seconds");
  state->add_option("--index", options.index, "after this entry of the log")->excludes(at);
  state->callback([&] { status = report(state_at(options)); });

  auto* replay = app.add_subcommand("replay", "apply a log again and print the hash of the state it gives");
  replay->add_option("DIR", options.data_dir, "a controller's data directory, or a copy of it")->required();
  replay->callback([&] { status = report(replay_log(options)); });
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app{"flurm: tool of the FLURM workload manager", "flurm"};
  app.set_version_flag("-V,--version", "flurm " FLURM_VERSION);
  app.require_subcommand(1);
  int status = 0;

  auto* config = app.add_subcommand("config", "configuration files");
  config->require_subcommand(1);
  std::string file;
  auto* check = config->add_subcommand("check", "print every problem of slurm.conf and the files beside it");
  check->add_option("FILE", file, "slurm.conf, gres.conf, cgroup.conf, topology.conf or flurm.conf")->required();
  check->callback([&] { status = config_check(file); });

  local_commands(app, status);
  cluster_commands(app, status);
  administration_commands(app, status);
  backup_commands(app, status);
  history_commands(app, status);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return status;
}

}  // namespace flurm::cli
