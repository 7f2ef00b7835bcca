// noded/x11.hpp — --x11: which nodes of a job show its user's display, and how their tasks learn of it.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "conf/config.hpp"
#include "exec/step_messages.hpp"
#include "noded/batch_environment.hpp"
#include "wire/msg/prolog_launch.hpp"

namespace flurm::noded {

/// x11: flags of the job. nodes: its hostlist.
bool shows_display(std::uint16_t x11, std::string_view nodes, std::string_view node_name);

/// For the job's extern step, where this node shows the display. version: of the order's protocol.
std::optional<exec::StepX11> x11_of(const wire::PrologLaunch& order, std::uint16_t version, const NodeFacts& facts,
                                    const conf::Config& config);

/// DISPLAY and XAUTHORITY of the job's tasks. extern_step: null where it is gone.
void set_display(exec::StepLaunch& plan, const exec::StepState* extern_step);

}  // namespace flurm::noded
