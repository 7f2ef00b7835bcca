// stepd/announcement.hpp — the lines that tell a user why the step was ended.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/types.hpp"

namespace flurm::stepd {

struct AnnouncementContext {
  std::uint32_t job_id = 0, step_id = kBatchStep;
  std::string_view node, local_time;  ///< "2026-11-21T05:39:48"
};

/// The text for a signal of the system or one of SlurmSignal; nullopt for those the user is not told about.
/// (slurm 22.05 slurmstepd/req.c, _handle_signal_container)
std::optional<std::string> announcement(std::uint16_t signal, const AnnouncementContext& context);

/// Local time as Slurm prints it.
std::string local_time_text(TimeS when);

}  // namespace flurm::stepd
