// Generated from Envoy's protos by scripts/generate-envoy-fields.ts. Do not edit.

/** Fields of each message by their names in the proto: a message, `duration`, `any` … ; `[]` is a list. */
export const ENVOY_FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy": {
    "stat_prefix": "string",
    "cluster": "string",
    "weighted_clusters": "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster",
    "on_demand": "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.OnDemand",
    "metadata_match": "any",
    "idle_timeout": "duration",
    "downstream_idle_timeout": "duration",
    "upstream_idle_timeout": "duration",
    "access_log": "envoy.config.accesslog.v3.AccessLog[]",
    "max_connect_attempts": "number",
    "hash_policy": "any[]",
    "tunneling_config": "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig",
    "max_downstream_connection_duration": "duration",
    "access_log_flush_interval": "duration",
    "flush_access_log_on_connected": "bool",
    "access_log_options": "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TcpAccessLogOptions",
    "backoff_options": "any",
    "proxy_protocol_tlvs": "any",
    "upstream_connect_mode": "any",
    "max_early_data_bytes": "any",
    "max_downstream_connection_duration_jitter_percentage": "any"
  },
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster": {
    "clusters": "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight[]"
  },
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.WeightedCluster.ClusterWeight": {
    "name": "string",
    "weight": "number",
    "metadata_match": "any"
  },
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.OnDemand": {
    "odcds_config": "any",
    "resources_locator": "string",
    "timeout": "duration"
  },
  "envoy.config.accesslog.v3.AccessLog": {
    "name": "string",
    "filter": "envoy.config.accesslog.v3.AccessLogFilter",
    "typed_config": "any"
  },
  "envoy.config.accesslog.v3.AccessLogFilter": {
    "status_code_filter": "envoy.config.accesslog.v3.StatusCodeFilter",
    "duration_filter": "envoy.config.accesslog.v3.DurationFilter",
    "not_health_check_filter": "envoy.config.accesslog.v3.NotHealthCheckFilter",
    "traceable_filter": "envoy.config.accesslog.v3.TraceableFilter",
    "runtime_filter": "envoy.config.accesslog.v3.RuntimeFilter",
    "and_filter": "envoy.config.accesslog.v3.AndFilter",
    "or_filter": "envoy.config.accesslog.v3.OrFilter",
    "header_filter": "envoy.config.accesslog.v3.HeaderFilter",
    "response_flag_filter": "envoy.config.accesslog.v3.ResponseFlagFilter",
    "grpc_status_filter": "envoy.config.accesslog.v3.GrpcStatusFilter",
    "extension_filter": "envoy.config.accesslog.v3.ExtensionFilter",
    "metadata_filter": "envoy.config.accesslog.v3.MetadataFilter",
    "log_type_filter": "envoy.config.accesslog.v3.LogTypeFilter"
  },
  "envoy.config.accesslog.v3.StatusCodeFilter": {
    "comparison": "envoy.config.accesslog.v3.ComparisonFilter"
  },
  "envoy.config.accesslog.v3.ComparisonFilter": {
    "op": "enum",
    "value": "any"
  },
  "envoy.config.accesslog.v3.DurationFilter": {
    "comparison": "envoy.config.accesslog.v3.ComparisonFilter"
  },
  "envoy.config.accesslog.v3.NotHealthCheckFilter": {},
  "envoy.config.accesslog.v3.TraceableFilter": {},
  "envoy.config.accesslog.v3.RuntimeFilter": {
    "runtime_key": "string",
    "percent_sampled": "any",
    "use_independent_randomness": "bool"
  },
  "envoy.config.accesslog.v3.AndFilter": {
    "filters": "envoy.config.accesslog.v3.AccessLogFilter[]"
  },
  "envoy.config.accesslog.v3.OrFilter": {
    "filters": "envoy.config.accesslog.v3.AccessLogFilter[]"
  },
  "envoy.config.accesslog.v3.HeaderFilter": {
    "header": "any"
  },
  "envoy.config.accesslog.v3.ResponseFlagFilter": {
    "flags": "string[]"
  },
  "envoy.config.accesslog.v3.GrpcStatusFilter": {
    "statuses": "enum[]",
    "exclude": "bool"
  },
  "envoy.config.accesslog.v3.ExtensionFilter": {
    "name": "string",
    "typed_config": "any"
  },
  "envoy.config.accesslog.v3.MetadataFilter": {
    "matcher": "any",
    "match_if_key_not_found": "bool"
  },
  "envoy.config.accesslog.v3.LogTypeFilter": {
    "types": "enum[]",
    "exclude": "bool"
  },
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TunnelingConfig": {
    "hostname": "string",
    "use_post": "bool",
    "headers_to_add": "any[]",
    "propagate_response_headers": "bool",
    "post_path": "string",
    "propagate_response_trailers": "bool"
  },
  "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy.TcpAccessLogOptions": {
    "access_log_flush_interval": "duration",
    "flush_access_log_on_connected": "bool"
  },
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager": {
    "codec_type": "enum",
    "stat_prefix": "string",
    "rds": "any",
    "route_config": "any",
    "scoped_routes": "any",
    "http_filters": "any[]",
    "add_user_agent": "bool",
    "tracing": "any",
    "common_http_protocol_options": "any",
    "http_protocol_options": "any",
    "http2_protocol_options": "any",
    "http3_protocol_options": "any",
    "server_name": "string",
    "server_header_transformation": "enum",
    "scheme_header_transformation": "any",
    "max_request_headers_kb": "number",
    "stream_idle_timeout": "duration",
    "request_timeout": "duration",
    "request_headers_timeout": "duration",
    "drain_timeout": "duration",
    "delayed_close_timeout": "duration",
    "access_log": "envoy.config.accesslog.v3.AccessLog[]",
    "access_log_flush_interval": "duration",
    "flush_access_log_on_new_request": "bool",
    "access_log_options": "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.HcmAccessLogOptions",
    "use_remote_address": "bool",
    "xff_num_trusted_hops": "number",
    "original_ip_detection_extensions": "any[]",
    "early_header_mutation_extensions": "any[]",
    "internal_address_config": "any",
    "skip_xff_append": "bool",
    "via": "string",
    "generate_request_id": "bool",
    "preserve_external_request_id": "bool",
    "always_set_request_id_in_response": "bool",
    "forward_client_cert_details": "enum",
    "set_current_client_cert_details": "any",
    "proxy_100_continue": "bool",
    "represent_ipv4_remote_address_as_ipv4_mapped_ipv6": "bool",
    "upgrade_configs": "any[]",
    "normalize_path": "bool",
    "merge_slashes": "bool",
    "path_with_escaped_slashes_action": "enum",
    "request_id_extension": "any",
    "local_reply_config": "any",
    "strip_matching_host_port": "bool",
    "strip_any_host_port": "bool",
    "stream_error_on_invalid_http_message": "bool",
    "path_normalization_options": "any",
    "strip_trailing_host_dot": "bool",
    "proxy_status_config": "any",
    "typed_header_validation_config": "any",
    "append_x_forwarded_port": "bool",
    "append_local_overload": "bool",
    "add_proxy_protocol_connection_state": "bool"
  },
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.HcmAccessLogOptions": {
    "access_log_flush_interval": "duration",
    "flush_access_log_on_new_request": "bool",
    "flush_log_on_tunnel_successfully_established": "bool"
  },
  "envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig": {
    "common_config": "envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig"
  },
  "envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig": {
    "log_name": "string",
    "grpc_service": "envoy.config.core.v3.GrpcService",
    "transport_api_version": "enum",
    "buffer_flush_interval": "duration",
    "buffer_size_bytes": "number",
    "filter_state_objects_to_log": "string[]",
    "grpc_stream_retry_policy": "envoy.config.core.v3.RetryPolicy",
    "custom_tags": "envoy.type.tracing.v3.CustomTag[]"
  },
  "envoy.config.core.v3.GrpcService": {
    "envoy_grpc": "envoy.config.core.v3.GrpcService.EnvoyGrpc",
    "google_grpc": "envoy.config.core.v3.GrpcService.GoogleGrpc",
    "timeout": "duration",
    "initial_metadata": "any[]",
    "retry_policy": "envoy.config.core.v3.RetryPolicy"
  },
  "envoy.config.core.v3.GrpcService.EnvoyGrpc": {
    "cluster_name": "string",
    "authority": "string",
    "retry_policy": "envoy.config.core.v3.RetryPolicy",
    "max_receive_message_length": "number",
    "skip_envoy_headers": "bool"
  },
  "envoy.config.core.v3.RetryPolicy": {
    "retry_back_off": "any",
    "num_retries": "number",
    "retry_on": "string",
    "retry_priority": "envoy.config.core.v3.RetryPolicy.RetryPriority",
    "retry_host_predicate": "envoy.config.core.v3.RetryPolicy.RetryHostPredicate[]",
    "host_selection_retry_max_attempts": "number"
  },
  "envoy.config.core.v3.RetryPolicy.RetryPriority": {
    "name": "string",
    "typed_config": "any"
  },
  "envoy.config.core.v3.RetryPolicy.RetryHostPredicate": {
    "name": "string",
    "typed_config": "any"
  },
  "envoy.config.core.v3.GrpcService.GoogleGrpc": {
    "target_uri": "string",
    "channel_credentials": "envoy.config.core.v3.GrpcService.GoogleGrpc.ChannelCredentials",
    "call_credentials": "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials[]",
    "stat_prefix": "string",
    "credentials_factory_name": "string",
    "config": "any",
    "per_stream_buffer_limit_bytes": "number",
    "channel_args": "envoy.config.core.v3.GrpcService.GoogleGrpc.ChannelArgs"
  },
  "envoy.config.core.v3.GrpcService.GoogleGrpc.ChannelCredentials": {
    "ssl_credentials": "envoy.config.core.v3.GrpcService.GoogleGrpc.SslCredentials",
    "google_default": "any",
    "local_credentials": "envoy.config.core.v3.GrpcService.GoogleGrpc.GoogleLocalCredentials"
  },
  "envoy.config.core.v3.GrpcService.GoogleGrpc.SslCredentials": {
    "root_certs": "any",
    "private_key": "any",
    "cert_chain": "any"
  },
  "envoy.config.core.v3.GrpcService.GoogleGrpc.GoogleLocalCredentials": {},
  "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials": {
    "access_token": "string",
    "google_compute_engine": "any",
    "google_refresh_token": "string",
    "service_account_jwt_access": "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.ServiceAccountJWTAccessCredentials",
    "google_iam": "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.GoogleIAMCredentials",
    "from_plugin": "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.MetadataCredentialsFromPlugin",
    "sts_service": "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.StsService"
  },
  "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.ServiceAccountJWTAccessCredentials": {
    "json_key": "string",
    "token_lifetime_seconds": "number"
  },
  "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.GoogleIAMCredentials": {
    "authorization_token": "string",
    "authority_selector": "string"
  },
  "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.MetadataCredentialsFromPlugin": {
    "name": "string",
    "typed_config": "any"
  },
  "envoy.config.core.v3.GrpcService.GoogleGrpc.CallCredentials.StsService": {
    "token_exchange_service_uri": "string",
    "resource": "string",
    "audience": "string",
    "scope": "string",
    "requested_token_type": "string",
    "subject_token_path": "string",
    "subject_token_type": "string",
    "actor_token_path": "string",
    "actor_token_type": "string"
  },
  "envoy.config.core.v3.GrpcService.GoogleGrpc.ChannelArgs": {
    "args": "any"
  },
  "envoy.type.tracing.v3.CustomTag": {
    "tag": "string",
    "literal": "envoy.type.tracing.v3.CustomTag.Literal",
    "environment": "envoy.type.tracing.v3.CustomTag.Environment",
    "request_header": "envoy.type.tracing.v3.CustomTag.Header",
    "metadata": "envoy.type.tracing.v3.CustomTag.Metadata",
    "value": "string"
  },
  "envoy.type.tracing.v3.CustomTag.Literal": {
    "value": "string"
  },
  "envoy.type.tracing.v3.CustomTag.Environment": {
    "name": "string",
    "default_value": "string"
  },
  "envoy.type.tracing.v3.CustomTag.Header": {
    "name": "string",
    "default_value": "string"
  },
  "envoy.type.tracing.v3.CustomTag.Metadata": {
    "kind": "any",
    "metadata_key": "any",
    "default_value": "string"
  },
  "envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig": {
    "common_config": "envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig",
    "additional_request_headers_to_log": "string[]",
    "additional_response_headers_to_log": "string[]",
    "additional_response_trailers_to_log": "string[]"
  },
  "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter": {
    "expression": "string"
  }
}
