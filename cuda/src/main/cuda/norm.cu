/*
 * Softmax, layer norm, RMS norm and their gradients over dense rows. Weight, bias, mean, rstd and
 * the gradients of weight and bias are what arithmetic sees of the rows: float where these are
 * bfloat16.
 */
#include "rows.cuh"

/* ---- softmax ---- */

template <class T, bool LOG>
ADJ_DEVICE void adj_softmax_rows(const adj_softmax_rows_args& args) {
    using A = adj_number<T>;
    const adj_softmax_args& a = args.block;
    const adj_team team(args.rows);
    const adj_rows_memory<T> memory(team, args.rows, 1);
    adj_for_all_rows(team, a.rows, [&](int64_t row, bool present) {
        const T* const source = static_cast<const T*>(a.x) + row * a.cols;
        T* const out = static_cast<T*>(a.out) + row * a.cols;
        const auto span = adj_row_span<T>::of_row(present ? a.cols : 0, source, out);
        team.wait(); /* the row before was dealt out otherwise */
        const T* const x = memory.keep(0, span, team, source);
        memory.wait();
        adj_exp_sum<A> all;
        span.each_batch(
            team, [&](int64_t i, auto width) { return adj_load_elements<width.value>(x + i); },
            [&](const auto& packets, int64_t, int64_t) { all.add(packets); });
        const A sum = all.join(team);
        const A scale = 1 / sum;
        const A log_sum = adj_log(sum);
        span.each(team, [&](int64_t i, auto width) {
            auto v = adj_load_packet<width.value>(x + i);
            ADJ_UNROLL
            for (A& e : v.at) {
                e -= all.most;
                e = LOG ? e - log_sum : adj_exp(e) * scale;
            }
            adj_store_in_row<width.value>(out + i, v);
        });
    });
}

ADJ_KERNEL(adj_softmax_f32, adj_softmax_rows_args) {
    adj_softmax_rows<float, false>(args);
}
ADJ_KERNEL(adj_softmax_f64, adj_softmax_rows_args) {
    adj_softmax_rows<double, false>(args);
}
ADJ_KERNEL(adj_softmax_bf16, adj_softmax_rows_args) {
    adj_softmax_rows<__nv_bfloat16, false>(args);
}
ADJ_KERNEL(adj_log_softmax_f32, adj_softmax_rows_args) {
    adj_softmax_rows<float, true>(args);
}
ADJ_KERNEL(adj_log_softmax_f64, adj_softmax_rows_args) {
    adj_softmax_rows<double, true>(args);
}
ADJ_KERNEL(adj_log_softmax_bf16, adj_softmax_rows_args) {
    adj_softmax_rows<__nv_bfloat16, true>(args);
}

template <class T, bool LOG>
ADJ_DEVICE void adj_softmax_grad_rows(const adj_softmax_grad_rows_args& args) {
    const adj_softmax_grad_args& a = args.block;
    const adj_team team(args.rows);
    const adj_rows_memory<T> memory(team, args.rows, 2);
    adj_for_all_rows(team, a.rows, [&](int64_t row, bool present) {
        const T* const grad_source = static_cast<const T*>(a.grad) + row * a.cols;
        const T* const y_source = static_cast<const T*>(a.y) + row * a.cols;
        T* const out = static_cast<T*>(a.out) + row * a.cols;
        const auto span = adj_row_span<T>::of_row(present ? a.cols : 0, grad_source, y_source, out);
        team.wait(); /* the row before was dealt out otherwise */
        const T* const grad = memory.keep(0, span, team, grad_source);
        const T* const y = memory.keep(1, span, team, y_source);
        memory.wait();
        adj_row_sum<T> sum; /* of grad, or of grad · y */
        span.each(team, [&](int64_t i, auto width) {
            const auto g = adj_load_packet<width.value>(grad + i);
            const auto p = adj_load_packet<width.value>(y + i);
            T part = 0;
            ADJ_UNROLL
            for (int k = 0; k < width.value; k++) {
                part += LOG ? g.at[k] : g.at[k] * p.at[k];
            }
            sum.add(part);
        });
        const T total = team.sum(sum.value());
        span.each(team, [&](int64_t i, auto width) {
            auto g = adj_load_packet<width.value>(grad + i);
            const auto p = adj_load_packet<width.value>(y + i);
            ADJ_UNROLL
            for (int k = 0; k < width.value; k++) {
                g.at[k] = LOG ? g.at[k] - adj_exp(p.at[k]) * total : p.at[k] * (g.at[k] - total);
            }
            adj_store_in_row<width.value>(out + i, g);
        });
    });
}

ADJ_KERNEL(adj_softmax_grad_f32, adj_softmax_grad_rows_args) {
    adj_softmax_grad_rows<float, false>(args);
}
ADJ_KERNEL(adj_softmax_grad_f64, adj_softmax_grad_rows_args) {
    adj_softmax_grad_rows<double, false>(args);
}
ADJ_KERNEL(adj_log_softmax_grad_f32, adj_softmax_grad_rows_args) {
    adj_softmax_grad_rows<float, true>(args);
}
ADJ_KERNEL(adj_log_softmax_grad_f64, adj_softmax_grad_rows_args) {
    adj_softmax_grad_rows<double, true>(args);
}

/* ---- layer norm, and RMS norm, which is the same about 0 ---- */

template <int N, class T>
ADJ_DEVICE adj_packet<T, N> adj_packet_of(T x) {
    adj_packet<T, N> same;
    ADJ_UNROLL
    for (T& e : same.at) {
        e = x;
    }
    return same;
}

/* The elements of a weight or bias; `rest` if there is none. */
template <int N, class T>
ADJ_DEVICE adj_packet<T, N> adj_load_or(const T* columns, int64_t i, T rest) {
    return columns == nullptr ? adj_packet_of<N>(rest) : adj_load_packet<N>(columns + i);
}

template <int N, class T>
ADJ_DEVICE void adj_add_packet(T* sums, const adj_packet<T, N>& x) {
    auto total = adj_load_packet<N>(sums);
    ADJ_UNROLL
    for (int k = 0; k < N; k++) {
        total.at[k] += x.at[k];
    }
    adj_store_packet<N>(sums, total);
}

/* Beyond these squares have overflowed or lost digits, see norm.c of native-cpu. */
template <class T>
ADJ_DEVICE bool adj_spread_is_far(T spread) {
    const T least = sizeof(T) == sizeof(float) ? T(0x1p-100) : T(0x1p-960);
    const T most = sizeof(T) == sizeof(float) ? T(0x1p126) : T(0x1p1020);
    return !(spread >= least && spread <= most);
}

/* How a row is normalised in float64: y = (x · scale - shift) · slope. */
struct adj_far_row {
    double scale;
    double shift;
    double slope;
};

/*
 * For a row whose squares leave the range: scaled by a power of two that brings its largest element
 * near 1. All threads of a warp call it together.
 */
template <bool CENTRED, class T>
ADJ_DEVICE adj_far_row adj_normalize_far(const adj_row_span<T>& span, const adj_team& team,
                                         const T* x, double count, double eps) {
    double own = 0;
    span.each(team, [&](int64_t i, auto width) {
        for (const auto e : adj_load_packet<width.value>(x + i).at) {
            own = fmax(own, fabs(static_cast<double>(e)));
        }
    });
    const double most = team.max(own);
    int exponent = 0;
    frexp(most, &exponent);
    const int largest = eps > 0 ? 300 : 1022; /* eps grows with the scale's square */
    const double scale = ldexp(1.0, 1 - exponent < largest ? 1 - exponent : largest);
    const auto sum_of = [&](auto term) {
        double sum = 0;
        span.each(team, [&](int64_t i, auto width) {
            for (const auto e : adj_load_packet<width.value>(x + i).at) {
                sum += term(static_cast<double>(e) * scale);
            }
        });
        return team.sum(sum) / count;
    };
    const double mean = CENTRED ? sum_of([](double e) { return e; }) : 0;
    const double rest = CENTRED ? sum_of([=](double e) { return e - mean; }) : 0;
    const double squares = sum_of([=](double e) { return (e - mean) * (e - mean); });
    const double difference = squares - rest * rest;
    const double variance = difference < 0 ? 0 : difference; /* NaN stays */
    const double slope = variance == 0 ? 1 / sqrt(eps) / scale
                                       : 1 / sqrt(variance + eps * scale * scale);
    return {scale, mean + rest, most - most == 0 ? slope : NAN};
}

/*
 * The mean is found in two steps (Chan et al. 1983): the second sums what the rounded first one
 * left over, and the variance is taken about their sum.
 */
template <class T, bool CENTRED>
ADJ_DEVICE void adj_norm_rows(const adj_norm_rows_args& args) {
    using A = adj_number<T>;
    const adj_norm_args& a = args.block;
    const adj_team team(args.rows);
    const adj_rows_memory<T> memory(team, args.rows, 1);
    const A* const weight = static_cast<const A*>(a.weight);
    const A* const bias = static_cast<const A*>(a.bias);
    const A count = static_cast<A>(a.cols);
    const auto all = adj_row_span<T>::of_any_row(a.cols, static_cast<const T*>(a.x),
                                             static_cast<const T*>(a.out), weight, bias);
    adj_for_all_rows(team, a.rows, [&](int64_t row, bool present) {
        T* const out = static_cast<T*>(a.out) + row * a.cols;
        const auto span = all.only_if(present);
        const T* const x =
            memory.keep(0, span, team, static_cast<const T*>(a.x) + row * a.cols);
        memory.wait();
        A mean = 0;
        if (CENTRED) {
            adj_row_sum<A> sum;
            span.each(team, [&](int64_t i, auto width) {
                sum.add(adj_sum_of(adj_load_packet<width.value>(x + i)));
            });
            mean = team.sum(sum.value()) / count;
        }
        adj_row_sum<A> rests;
        adj_row_sum<A> squares;
        span.each(team, [&](int64_t i, auto width) {
            auto d = adj_load_packet<width.value>(x + i);
            A square = 0;
            ADJ_UNROLL
            for (A& e : d.at) {
                e -= mean;
                square += e * e;
            }
            rests.add(adj_sum_of(d));
            squares.add(square);
        });
        A rest = 0;
        if (CENTRED) {
            rest = team.sum(rests.value()) / count;
            rest = rest - rest == 0 ? rest : 0; /* 0 if the mean is infinite */
        }
        const A spread =
            team.sum(squares.value()) / count - rest * rest + static_cast<A>(a.eps);
        A rstd = 1 / adj_sqrt(spread);
        A centre = mean + rest;
        bool far = present && adj_spread_is_far(spread);
        adj_far_row wide = {};
        /* The reductions of all teams of a warp meet; a larger team is of one mind. */
        if (team.size <= ADJ_WARP ? __any_sync(ADJ_ALL_LANES, far) != 0 : far) {
            wide = adj_normalize_far<CENTRED>(span, team, x, count, a.eps);
            far = far && wide.slope == wide.slope;
        }
        if (far) {
            rstd = static_cast<A>(wide.slope * wide.scale);
            centre = static_cast<A>(wide.shift / wide.scale);
        }
        if (present && team.rank == 0) {
            static_cast<A*>(a.rstd)[row] = rstd;
            if (CENTRED) {
                static_cast<A*>(a.mean)[row] = centre;
            }
        }
        span.each(team, [&](int64_t i, auto width) {
            auto v = adj_load_packet<width.value>(x + i);
            const auto w = adj_load_or<width.value>(weight, i, A(1));
            const auto b = adj_load_or<width.value>(bias, i, A(0));
            ADJ_UNROLL
            for (int k = 0; k < width.value; k++) {
                const A y = far ? static_cast<A>((v.at[k] * wide.scale - wide.shift) * wide.slope)
                                : (v.at[k] - mean - rest) * rstd;
                v.at[k] = y * w.at[k] + b.at[k];
            }
            adj_store_packet<width.value>(out + i, v);
        });
    });
}

ADJ_KERNEL(adj_layer_norm_f32, adj_norm_rows_args) {
    adj_norm_rows<float, true>(args);
}
ADJ_KERNEL(adj_layer_norm_f64, adj_norm_rows_args) {
    adj_norm_rows<double, true>(args);
}
ADJ_KERNEL(adj_layer_norm_bf16, adj_norm_rows_args) {
    adj_norm_rows<__nv_bfloat16, true>(args);
}
ADJ_KERNEL(adj_rms_norm_f32, adj_norm_rows_args) {
    adj_norm_rows<float, false>(args);
}
ADJ_KERNEL(adj_rms_norm_f64, adj_norm_rows_args) {
    adj_norm_rows<double, false>(args);
}
ADJ_KERNEL(adj_rms_norm_bf16, adj_norm_rows_args) {
    adj_norm_rows<__nv_bfloat16, false>(args);
}

/*
 * With h = (x - mean) · rstd and g = grad · weight:
 * grad_x = rstd · (g - mean(g) - h · mean(g · h)), RMS norm without mean(g);
 * grad_weight = Σ grad · h and grad_bias = Σ grad over the rows. These are summed in the same pass,
 * by each team on its own, then by the block into its part of scratch; adj_norm_grad_join adds up
 * the parts.
 */
template <class T, bool CENTRED>
ADJ_DEVICE void adj_norm_grad_rows(const adj_norm_grad_rows_args& args) {
    /* What a team keeps: rows of x and grad, and sums for the weight and for the bias. */
    enum { X, GRAD, ROWS };
    enum { WEIGHT, BIAS, SUMS };
    using A = adj_number<T>;
    const adj_norm_grad_args& a = args.block;
    const adj_team team(args.rows);
    const adj_rows_memory<T> memory(team, args.rows, ROWS, SUMS);
    const A* const weight = static_cast<const A*>(a.weight);
    const A count = static_cast<A>(a.cols);
    A* const part = static_cast<A*>(a.scratch) + blockIdx.x * 2 * a.cols;
    const bool summed = a.grad_weight != nullptr || a.grad_bias != nullptr;
    const auto all = adj_row_span<T>::of_any_row(a.cols, static_cast<const T*>(a.x),
                                             static_cast<const T*>(a.grad), weight,
                                             static_cast<const T*>(a.grad_x), part);
    /* Without room the block is one team, and sums where its part is. */
    A* const weight_sums = memory.pitch == 0 ? part : memory.sums(WEIGHT, team.index);
    A* const bias_sums = memory.pitch == 0 ? part + a.cols : memory.sums(BIAS, team.index);
    if (summed) {
        all.each(team, [&](int64_t i, auto width) {
            adj_store_packet<width.value>(weight_sums + i, adj_packet_of<width.value>(A(0)));
            adj_store_packet<width.value>(bias_sums + i, adj_packet_of<width.value>(A(0)));
        });
    }
    const int64_t begin = blockIdx.x * args.part_rows;
    const int64_t end = adj_min(a.rows, begin + args.part_rows);
    adj_for_rows(team, begin, end, team.count, [&](int64_t row, bool present) {
        const auto span = all.only_if(present);
        const T* const x =
            memory.keep(X, span, team, static_cast<const T*>(a.x) + row * a.cols);
        const T* const grad =
            memory.keep(GRAD, span, team, static_cast<const T*>(a.grad) + row * a.cols);
        const A mean = CENTRED && present ? static_cast<const A*>(a.mean)[row] : A(0);
        const A rstd = present ? static_cast<const A*>(a.rstd)[row] : A(0);
        memory.wait();
        adj_row_sum<A> sum_g;
        adj_row_sum<A> sum_gh;
        span.each(team, [&](int64_t i, auto width) {
            const auto xs = adj_load_packet<width.value>(x + i);
            const auto ys = adj_load_packet<width.value>(grad + i);
            const auto ws = adj_load_or<width.value>(weight, i, A(1));
            adj_packet<A, width.value> grad_ws;
            A part_g = 0;
            A part_gh = 0;
            ADJ_UNROLL
            for (int k = 0; k < width.value; k++) {
                /* In halves: the difference itself may overflow. */
                const A h = (xs.at[k] / 2 - mean / 2) * (2 * rstd);
                grad_ws.at[k] = ys.at[k] * h;
                part_g += ys.at[k] * ws.at[k];
                part_gh += ys.at[k] * ws.at[k] * h;
            }
            sum_g.add(part_g);
            sum_gh.add(part_gh);
            if (summed) {
                adj_add_packet(weight_sums + i, grad_ws);
                if (CENTRED) {
                    adj_add_packet(bias_sums + i, ys);
                }
            }
        });
        if (a.grad_x == nullptr) {
            return;
        }
        const A mean_g = CENTRED ? team.sum(sum_g.value()) / count : A(0);
        const A mean_gh = team.sum(sum_gh.value()) / count;
        T* const grad_x = static_cast<T*>(a.grad_x) + row * a.cols;
        span.each(team, [&](int64_t i, auto width) {
            const auto xs = adj_load_packet<width.value>(x + i);
            auto ys = adj_load_packet<width.value>(grad + i);
            const auto ws = adj_load_or<width.value>(weight, i, A(1));
            ADJ_UNROLL
            for (int k = 0; k < width.value; k++) {
                /* In halves: the difference itself may overflow. */
                const A h = (xs.at[k] / 2 - mean / 2) * (2 * rstd);
                ys.at[k] = rstd * (ys.at[k] * ws.at[k] - mean_g - h * mean_gh);
            }
            adj_store_packet<width.value>(grad_x + i, ys);
        });
    });
    if (!summed || memory.pitch == 0) {
        return;
    }
    __syncthreads();
    for (int64_t c = threadIdx.x; c < a.cols; c += blockDim.x) {
        A of_weight = 0;
        A of_bias = 0;
        for (int k = 0; k < team.count; k++) {
            of_weight += memory.sums(WEIGHT, k)[c];
            of_bias += memory.sums(BIAS, k)[c];
        }
        part[c] = of_weight;
        part[a.cols + c] = of_bias;
    }
}

ADJ_KERNEL(adj_layer_norm_grad_f32, adj_norm_grad_rows_args) {
    adj_norm_grad_rows<float, true>(args);
}
ADJ_KERNEL(adj_layer_norm_grad_f64, adj_norm_grad_rows_args) {
    adj_norm_grad_rows<double, true>(args);
}
ADJ_KERNEL(adj_layer_norm_grad_bf16, adj_norm_grad_rows_args) {
    adj_norm_grad_rows<__nv_bfloat16, true>(args);
}
ADJ_KERNEL(adj_rms_norm_grad_f32, adj_norm_grad_rows_args) {
    adj_norm_grad_rows<float, false>(args);
}
ADJ_KERNEL(adj_rms_norm_grad_f64, adj_norm_grad_rows_args) {
    adj_norm_grad_rows<double, false>(args);
}
ADJ_KERNEL(adj_rms_norm_grad_bf16, adj_norm_grad_rows_args) {
    adj_norm_grad_rows<__nv_bfloat16, false>(args);
}

/* A warp's lanes take neighbouring columns of scratch, its block's warps each some of the parts. */
template <class T>
ADJ_DEVICE void adj_norm_grad_join(const adj_norm_grad_rows_args& args) {
    const adj_norm_grad_args& a = args.block;
    const int64_t parts = adj_ceil_div(a.rows, args.part_rows);
    const int warps = static_cast<int>(blockDim.x) / ADJ_WARP;
    const int64_t column = static_cast<int64_t>(blockIdx.x) * ADJ_WARP + adj_lane();
    const bool of_weight = column < a.cols;
    T* const out = static_cast<T*>(of_weight ? a.grad_weight : a.grad_bias);
    const bool wanted = out != nullptr && column < 2 * a.cols;
    adj_row_sum<T> sum;
    if (wanted) {
        const T* const sums = static_cast<const T*>(a.scratch) + column;
        for (int64_t p = adj_warp(); p < parts; p += warps) {
            sum.add(sums[p * 2 * a.cols]);
        }
    }
    ADJ_SHARED(T, of_warps, ADJ_WARP * ADJ_WARP);
    of_warps[threadIdx.x] = sum.value();
    __syncthreads();
    if (wanted && adj_warp() == 0) {
        T total = 0;
        for (int w = 0; w < warps; w++) {
            total += of_warps[w * ADJ_WARP + adj_lane()];
        }
        out[of_weight ? column : column - a.cols] = total;
    }
}

ADJ_KERNEL(adj_norm_grad_join_f32, adj_norm_grad_rows_args) {
    adj_norm_grad_join<float>(args);
}
ADJ_KERNEL(adj_norm_grad_join_f64, adj_norm_grad_rows_args) {
    adj_norm_grad_join<double>(args);
}
