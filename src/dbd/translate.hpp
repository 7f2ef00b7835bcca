// dbd/translate.hpp — accounting's records as Slurm's messages carry them, under the names that this room uses.
#pragma once
#include "acct_wire/translate.hpp"

namespace flurm::dbd {

using acct::change, acct::numbers, acct::to_acct, acct::to_wire;

}  // namespace flurm::dbd
