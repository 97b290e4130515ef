/**
 * @file onednn_peer.cc
 * oneDNN as a peer: its own choice (auto) and Winograd in its blocked layout, and its own choice on
 * plain NCHW and NHWC. Weights are reordered at creation; in the blocked mode x and y are too.
 *
 * Written for the C++ API of versions 2 and 3, which differ in how a primitive is described.
 */
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <unordered_map>

#include <omp.h>
#include <oneapi/dnnl/dnnl.hpp>

#include "bench/peers/peer.h"

namespace
{

using dnnl::memory;

struct mode {
    dnnl::algorithm algorithm;
    memory::format_tag tag; /* of x and y inside the timed call */
};

struct instance {
    dnnl::engine engine{dnnl::engine::kind::cpu, 0};
    dnnl::stream stream{engine};
    memory::dims x_dims, y_dims;
    memory::format_tag plain; /* of the request's files */
    dnnl::convolution_forward convolution;
    memory y;
    std::unordered_map<int, memory> arguments;
};

bool mode_of(const char *variant, mode *result)
{
    static const struct {
        const char *name;
        mode value;
    } modes[] = {
        {"auto/blocked", {dnnl::algorithm::convolution_auto, memory::format_tag::any}},
        {"winograd/blocked", {dnnl::algorithm::convolution_winograd, memory::format_tag::any}},
        {"auto/nchw", {dnnl::algorithm::convolution_auto, memory::format_tag::nchw}},
        {"auto/nhwc", {dnnl::algorithm::convolution_auto, memory::format_tag::nhwc}},
    };
    for (const auto &known : modes) {
        if (std::strcmp(variant, known.name) == 0) {
            *result = known.value;
            return true;
        }
    }
    return false;
}

memory::dims filter_dims(const peer_request &request)
{
    if (request.groups == 1) {
        return {request.K, request.C, request.R, request.S};
    }
    return {request.groups, request.K / request.groups, request.C / request.groups, request.R,
            request.S};
}

dnnl::convolution_forward::primitive_desc describe(const peer_request &request, const mode &mode,
                                                   const instance &made)
{
    const auto f32 = memory::data_type::f32;
    const memory::desc x(made.x_dims, f32, mode.tag), y(made.y_dims, f32, mode.tag);
    const memory::desc filter(filter_dims(request), f32, memory::format_tag::any);
    const memory::desc bias({request.K}, f32, memory::format_tag::x);
    const memory::dims strides{request.stride_h, request.stride_w};
    const memory::dims dilations{request.dilation_h - 1, request.dilation_w - 1};
    const memory::dims pad_begin{request.pad_top, request.pad_left};
    const memory::dims pad_end{request.pad_bottom, request.pad_right};
    const auto inference = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
    return {made.engine, inference, mode.algorithm, x,         filter, bias,
            y,           strides,   dilations,      pad_begin, pad_end};
#else
    return {{inference, mode.algorithm, x, filter, bias, y, strides, dilations, pad_begin, pad_end},
            made.engine};
#endif
}

/* The plain data in the layout that the primitive wants; a copy in any case. */
memory reordered(instance &made, const memory::desc &from, float *data, const memory::desc &to)
{
    memory source(from, made.engine, data);
    memory target(to, made.engine);
    dnnl::reorder(source, target).execute(made.stream, source, target);
    made.stream.wait();
    return target;
}

void prepare(instance &made, const peer_request &request, const mode &mode, std::string *name)
{
    const auto f32 = memory::data_type::f32;
    made.x_dims = {request.N, request.C, request.H, request.W};
    made.y_dims = {request.N, request.K, request.P, request.Q};
    made.plain = request.nhwc ? memory::format_tag::nhwc : memory::format_tag::nchw;
    const auto primitive = describe(request, mode, made);
    *name = primitive.impl_info_str();
    made.convolution = dnnl::convolution_forward(primitive);

    const memory::desc plain_filter(filter_dims(request), f32,
                                    request.groups == 1 ? memory::format_tag::oihw
                                                        : memory::format_tag::goihw);
    made.y = memory(primitive.dst_desc(), made.engine);
    made.arguments = {
        {DNNL_ARG_SRC, reordered(made, memory::desc(made.x_dims, f32, made.plain), request.x,
                                 primitive.src_desc())},
        {DNNL_ARG_WEIGHTS, reordered(made, plain_filter, request.filter, primitive.weights_desc())},
        {DNNL_ARG_BIAS, memory(primitive.bias_desc(), made.engine, request.bias)},
        {DNNL_ARG_DST, made.y},
    };
}

peer_status refuse(const dnnl::error &error, peer_words *words)
{
    if (error.status == dnnl_unimplemented) {
        std::snprintf(words->reason, sizeof words->reason,
                      "oneDNN has no such primitive for this layer (%s)", error.what());
        return PEER_UNSUPPORTED;
    }
    std::snprintf(words->reason, sizeof words->reason, "oneDNN: %s", error.what());
    return PEER_ERROR;
}

/* Exceptions end here: what is around is C. */
template <typename Work> peer_status guarded(peer_words *words, const Work &work)
{
    try {
        work();
        return PEER_OK;
    } catch (const dnnl::error &error) {
        return refuse(error, words);
    } catch (const std::exception &error) {
        std::snprintf(words->reason, sizeof words->reason, "oneDNN: %s", error.what());
        return PEER_ERROR;
    }
}

peer_status create(const peer_request *request, peer_words *words, void **result)
{
    mode wanted;
    if (!mode_of(request->variant, &wanted)) {
        std::snprintf(words->reason, sizeof words->reason, "no variant \"%s\"", request->variant);
        return PEER_ERROR;
    }
    omp_set_num_threads(static_cast<int>(request->threads));
    return guarded(words, [&] {
        auto *made = new instance;
        *result = made;
        std::string name;
        prepare(*made, *request, wanted, &name);
        std::snprintf(words->implementation, sizeof words->implementation, "%s", name.c_str());
    });
}

peer_status run(void *argument, peer_words *words)
{
    auto *made = static_cast<instance *>(argument);
    return guarded(words, [made] {
        made->convolution.execute(made->stream, made->arguments);
        made->stream.wait();
    });
}

peer_status output(void *argument, float *y, peer_words *words)
{
    auto *made = static_cast<instance *>(argument);
    return guarded(words, [made, y] {
        memory plain({made->y_dims, memory::data_type::f32, made->plain}, made->engine, y);
        dnnl::reorder(made->y, plain).execute(made->stream, made->y, plain);
        made->stream.wait();
    });
}

void destroy(void *argument)
{
    delete static_cast<instance *>(argument);
}

} // namespace

int main()
{
    const dnnl_version_t *found = dnnl_version();
    const std::string version = std::to_string(found->major) + "." + std::to_string(found->minor) +
                                "." + std::to_string(found->patch);
    const char *blocked = "x and y stay in oneDNN's own blocked layout; weights reordered before";
    const char *plain = "plain tensors in and out; weights reordered before";
    const peer_variant variants[] = {
        {"auto/blocked", "nchw", blocked}, {"winograd/blocked", "nchw", blocked},
        {"auto/nchw", "nchw", plain},      {"auto/nhwc", "nhwc", plain},
        {nullptr, nullptr, nullptr},
    };
    const peer_engine engine = {"onednn", version.c_str(), variants, create, run, output, destroy};
    return peer_serve(&engine);
}
