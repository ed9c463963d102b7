/*
 * Cross-entropy over rows of logits, and its gradient. Losses, their gradients and log Σ exp are
 * what arithmetic sees of the logits: float where these are bfloat16.
 */
#include "rows.cuh"

/* Whether a target is one of the classes or ignored; if not, its row is left alone and reported. */
ADJ_DEVICE bool adj_target_valid(int64_t target, int64_t classes, int64_t ignored) {
    return (target >= 0 && target < classes) || target == ignored;
}

template <class T>
ADJ_DEVICE void adj_cross_entropy(const adj_cross_entropy_rows_args& args) {
    using A = adj_number<T>;
    const adj_cross_entropy_args& a = args.block;
    const adj_team team(args.rows);
    adj_for_all_rows(team, a.rows, [&](int64_t row, bool present) {
        const T* const logits = static_cast<const T*>(a.logits) + row * a.logits_stride;
        const auto span = adj_row_span<T>::of_row(present ? a.classes : 0, logits);
        adj_exp_sum<A> all;
        span.each_batch(
            team,
            [&](int64_t i, auto width) { return adj_load_elements<width.value>(logits + i); },
            [&](const auto& packets, int64_t, int64_t) { all.add(packets); });
        const A log_sum = adj_log(all.join(team));
        if (!present || team.rank != 0) {
            return;
        }
        const int64_t target = adj_read_once(a.targets + row);
        if (!adj_target_valid(target, a.classes, a.ignore_index)) {
            adj_report(args.error);
            return;
        }
        static_cast<A*>(a.log_sum_exp)[2 * row] = all.most;
        static_cast<A*>(a.log_sum_exp)[2 * row + 1] = log_sum;
        static_cast<A*>(a.losses)[row] =
            target == a.ignore_index ? A(0) : log_sum + (all.most - adj_widen(logits[target]));
    });
}

ADJ_KERNEL(adj_cross_entropy_f32, adj_cross_entropy_rows_args) {
    adj_cross_entropy<float>(args);
}
ADJ_KERNEL(adj_cross_entropy_f64, adj_cross_entropy_rows_args) {
    adj_cross_entropy<double>(args);
}
ADJ_KERNEL(adj_cross_entropy_bf16, adj_cross_entropy_rows_args) {
    adj_cross_entropy<__nv_bfloat16>(args);
}

template <class T>
ADJ_DEVICE void adj_cross_entropy_grad(const adj_cross_entropy_grad_rows_args& args) {
    using A = adj_number<T>;
    const adj_cross_entropy_grad_args& a = args.block;
    const adj_team team(args.rows);
    adj_for_all_rows(team, a.rows, [&](int64_t row, bool present) {
        if (!present) {
            return;
        }
        const int64_t target = adj_read_once(a.targets + row);
        if (!adj_target_valid(target, a.classes, a.ignore_index)) {
            if (team.rank == 0) {
                adj_report(args.error);
            }
            return;
        }
        const T* const logits = static_cast<const T*>(a.logits) + row * a.logits_stride;
        T* const out = static_cast<T*>(a.out) + row * a.out_stride;
        const bool ignored = target == a.ignore_index;
        const A grad = static_cast<const A*>(a.grad)[row * a.grad_stride];
        /* Apart: their sum would lose the second behind a large first one. */
        const A most = static_cast<const A*>(a.log_sum_exp)[2 * row];
        const A log_sum = static_cast<const A*>(a.log_sum_exp)[2 * row + 1];
        /* As out allows. Rows of logits may lie otherwise: then neighbours come one by one. */
        const auto span = adj_row_span<T>::of_row(a.classes, out);
        const auto take = [&](const auto& packets, int64_t i, int64_t stride) {
            ADJ_UNROLL
            for (const auto& packet : packets) {
                auto v = adj_widen_packet(packet);
                int64_t column = i;
                ADJ_UNROLL
                for (A& e : v.at) {
                    const A p = adj_exp(e - most - log_sum);
                    e = ignored ? A(0) : grad * (column == target ? p - 1 : p);
                    column++;
                }
                adj_store_in_row(out + i, v);
                i += stride;
            }
        };
        if (adj_lie_alike(logits, out)) {
            const auto load = [&](int64_t i, auto width) {
                return adj_load_elements<width.value>(logits + i);
            };
            span.each_batch_ahead(team, load, take);
        } else {
            const auto load = [&](int64_t i, auto width) {
                adj_packet<T, width.value> packet;
                ADJ_UNROLL
                for (int k = 0; k < width.value; k++) {
                    packet.at[k] = logits[i + k];
                }
                return packet;
            };
            span.each_batch_ahead(team, load, take);
        }
    });
}

ADJ_KERNEL(adj_cross_entropy_grad_f32, adj_cross_entropy_grad_rows_args) {
    adj_cross_entropy_grad<float>(args);
}
ADJ_KERNEL(adj_cross_entropy_grad_f64, adj_cross_entropy_grad_rows_args) {
    adj_cross_entropy_grad<double>(args);
}
ADJ_KERNEL(adj_cross_entropy_grad_bf16, adj_cross_entropy_grad_rows_args) {
    adj_cross_entropy_grad<__nv_bfloat16>(args);
}
