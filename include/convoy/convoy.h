/**
 * @file convoy.h
 * The whole public API of libconvoy.
 */
#ifndef CONVOY_CONVOY_H
#define CONVOY_CONVOY_H

#include "convoy/allocator.h"
#include "convoy/cache.h"
#include "convoy/calibration.h"
#include "convoy/chain.h"
#include "convoy/count.h"
#include "convoy/layer.h"
#include "convoy/machine.h"
#include "convoy/plan.h"
#include "convoy/status.h"
#include "convoy/tensor.h"
#include "convoy/version.h"
#include "convoy/wisdom.h"

#endif
