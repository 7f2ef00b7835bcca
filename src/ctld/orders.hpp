// ctld/orders.hpp — the orders of administrators that concern the whole cluster (ctld/control.hpp carries them).
#pragma once
#include "ctld/control.hpp"
#include "ctld/core.hpp"

namespace flurm::ctld {

/// POST /api/drain {"reason"}, /api/resume, /api/backup (answered with the file). `core` must outlive `control`.
void add_orders(Control& control, Core& core);

}  // namespace flurm::ctld
