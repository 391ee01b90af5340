/** What models call the four projections of an attention: by a module's last name, within a module that attends. */
export type Projection = 'q' | 'k' | 'v' | 'o';

export const PROJECTION_NAMES: readonly { readonly projection: Projection; readonly pattern: RegExp }[] = [
  { projection: 'q', pattern: /^(q_proj|query|query_proj|q_lin|wq|q|attn_q)$/ },
  { projection: 'k', pattern: /^(k_proj|key|key_proj|k_lin|wk|k|attn_k)$/ },
  { projection: 'v', pattern: /^(v_proj|value|value_proj|v_lin|wv|v|attn_v)$/ },
  { projection: 'o', pattern: /^(o_proj|out_proj|out_lin|wo|o|dense|c_proj|proj|attn_output)$/ },
];
