#pragma once

#include <string_view>

#include "program/calls.hpp"

namespace cnnx {

// Calls body with an empty call of the operation of this name, if there is one.
template <typename Body, typename... Calls>
void with_call_of(std::string_view name, Body& body) {
  const auto try_one = [&]<typename Call>(Call call) {
    if (name == Call::name()) body(std::move(call));
  };
  (try_one(Calls{}), ...);
}

template <typename Body>
void with_call(std::string_view name, Body body) {
  with_call_of<Body, ActivationForward, BatchNormForwardInference, BiasForward<false>,
               BiasForward<true>, Borders2d<false>, Borders2d<true>, Concatenate,
               Conv2dBackwardData, Conv2dChainForward, Conv2dForward, DenseForward, Merging<false>,
               Merging<true>, Pool2dForward<PoolKind::avg>, Pool2dForward<PoolKind::max>,
               Pool2dForward<PoolKind::sum>, Resample2dForward, SampleNormForward,
               SoftmaxForward<false>, SoftmaxForward<true>, SwapAxes, Upsample2dForward,
               WeightedSum>(name, body);
}

}  // namespace cnnx
