// x11/tunnel.hpp — one X client's connection, led through salloc or srun to the display it was started from.
// Source: slurm 22.05 src/slurmd/slurmstepd/x11_forwarding.c, src/api/allocate_msg.c.
#pragma once
#include <cstdint>
#include <string>

#include "auth/munge.hpp"
#include "exec/fd.hpp"

namespace flurm::x11 {

/// Where the display is: behind the salloc or srun of the job.
struct Route {
  std::uint32_t job_id = 0;
  std::string client_host;  ///< numeric address
  std::uint16_t client_port = 0;
  std::uint16_t version = 0;      ///< of Slurm's protocol
  std::string target;             ///< host of the display, or the path of its socket
  std::uint16_t target_port = 0;  ///< 0: target is a path
};

/// Connects to the client and asks it to lead the connection on. Blocks, ten seconds at most for each part.
/// Errors: communications_connection, communications_receive, auth_cred_invalid; what the client answers.
Result<exec::Fd> open_route(const Route& route, const auth::Munge& munge);

/// Passes on what either side says, until both have said all or one is gone. Blocks.
void pass_on(int one, int other);

}  // namespace flurm::x11
