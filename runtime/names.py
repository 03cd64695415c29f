"""Which module defines which public names; written by `runtime.graph.naming`."""

from typing import Final

# The names below `tf`, by module.
# fmt: off
MODULES: Final = {
    "runtime.behavior": (
        "VERSION disable_control_flow_v2 disable_eager_execution disable_resource_variables "
        "disable_tensor_equality disable_v2_behavior disable_v2_tensorshape "
        "enable_control_flow_v2 enable_eager_execution enable_resource_variables "
        "enable_tensor_equality enable_v2_behavior executing_eagerly resource_variables_enabled "
        "test.gpu_device_name test.is_built_with_cuda test.is_gpu_available"
    ),
    "runtime.contrib.crf.chains": (
        "contrib.crf.crf_binary_score contrib.crf.crf_decode contrib.crf.crf_log_likelihood "
        "contrib.crf.crf_log_norm contrib.crf.crf_sequence_score contrib.crf.crf_unary_score "
        "contrib.crf.viterbi_decode"
    ),
    "runtime.contrib.framework.arguments": (
        "contrib.framework.add_arg_scope contrib.framework.arg_scope "
        "contrib.framework.arg_scope_func_key contrib.framework.arg_scoped_arguments "
        "contrib.framework.current_arg_scope contrib.framework.has_arg_scope "
        "contrib.slim.add_arg_scope contrib.slim.arg_scope contrib.slim.arg_scope_func_key "
        "contrib.slim.arg_scoped_arguments contrib.slim.current_arg_scope "
        "contrib.slim.has_arg_scope"
    ),
    "runtime.contrib.framework.names": (
        "contrib.framework.assert_scalar contrib.framework.get_name_scope "
        "contrib.framework.smart_cond contrib.framework.smart_constant_value "
        "contrib.framework.with_shape contrib.util.constant_value"
    ),
    "runtime.contrib.framework.variables": (
        "contrib.framework.add_model_variable contrib.framework.assign_from_checkpoint "
        "contrib.framework.assign_from_checkpoint_fn contrib.framework.assign_from_values "
        "contrib.framework.assign_from_values_fn contrib.framework.filter_variables "
        "contrib.framework.get_local_variables contrib.framework.get_model_variables "
        "contrib.framework.get_trainable_variables contrib.framework.get_unique_variable "
        "contrib.framework.get_variables contrib.framework.get_variables_by_name "
        "contrib.framework.get_variables_by_suffix contrib.framework.get_variables_to_restore "
        "contrib.framework.global_variable contrib.framework.local_variable "
        "contrib.framework.model_variable contrib.framework.variable "
        "contrib.slim.add_model_variable contrib.slim.assign_from_checkpoint "
        "contrib.slim.assign_from_checkpoint_fn contrib.slim.assign_from_values "
        "contrib.slim.assign_from_values_fn contrib.slim.filter_variables "
        "contrib.slim.get_local_variables contrib.slim.get_model_variables "
        "contrib.slim.get_trainable_variables contrib.slim.get_unique_variable "
        "contrib.slim.get_variables contrib.slim.get_variables_by_name "
        "contrib.slim.get_variables_by_suffix contrib.slim.get_variables_to_restore "
        "contrib.slim.global_variable contrib.slim.local_variable contrib.slim.model_variable "
        "contrib.slim.variable"
    ),
    "runtime.contrib.layers.collected": (
        "contrib.layers.utils.append_tensor_alias contrib.layers.utils.collect_named_outputs "
        "contrib.layers.utils.convert_collection_to_dict "
        "contrib.layers.utils.gather_tensors_aliases contrib.layers.utils.get_tensor_aliases "
        "contrib.slim.utils.append_tensor_alias contrib.slim.utils.collect_named_outputs "
        "contrib.slim.utils.convert_collection_to_dict "
        "contrib.slim.utils.gather_tensors_aliases contrib.slim.utils.get_tensor_aliases"
    ),
    "runtime.contrib.layers.initial_values": (
        "contrib.layers.variance_scaling_initializer contrib.layers.xavier_initializer "
        "contrib.layers.xavier_initializer_conv2d "
        "contrib.slim.initializers.variance_scaling_initializer "
        "contrib.slim.initializers.xavier_initializer contrib.slim.variance_scaling_initializer "
        "contrib.slim.xavier_initializer contrib.slim.xavier_initializer_conv2d"
    ),
    "runtime.contrib.layers.normalization": (
        "contrib.layers.batch_norm contrib.layers.group_norm contrib.layers.instance_norm "
        "contrib.layers.layer_norm contrib.slim.batch_norm contrib.slim.group_norm "
        "contrib.slim.instance_norm contrib.slim.layer_norm"
    ),
    "runtime.contrib.layers.penalties": (
        "contrib.layers.apply_regularization contrib.layers.l1_l2_regularizer "
        "contrib.layers.l1_regularizer contrib.layers.l2_regularizer "
        "contrib.layers.sum_regularizer contrib.slim.apply_regularization "
        "contrib.slim.l1_l2_regularizer contrib.slim.l1_regularizer contrib.slim.l2_regularizer "
        "contrib.slim.regularizers.apply_regularization "
        "contrib.slim.regularizers.l1_l2_regularizer contrib.slim.regularizers.l1_regularizer "
        "contrib.slim.regularizers.l2_regularizer contrib.slim.regularizers.sum_regularizer "
        "contrib.slim.sum_regularizer"
    ),
    "runtime.contrib.layers.plain": (
        "contrib.layers.avg_pool2d contrib.layers.dropout contrib.layers.flatten "
        "contrib.layers.max_pool2d contrib.layers.maxout contrib.layers.one_hot_encoding "
        "contrib.layers.repeat contrib.layers.softmax contrib.layers.stack "
        "contrib.layers.unit_norm contrib.slim.avg_pool2d contrib.slim.dropout "
        "contrib.slim.flatten contrib.slim.max_pool2d contrib.slim.maxout "
        "contrib.slim.one_hot_encoding contrib.slim.repeat contrib.slim.softmax "
        "contrib.slim.stack contrib.slim.unit_norm"
    ),
    "runtime.contrib.layers.sizes": (
        "contrib.layers.utils.channel_dimension contrib.layers.utils.constant_value "
        "contrib.layers.utils.get_variable_collections contrib.layers.utils.last_dimension "
        "contrib.layers.utils.n_positive_integers contrib.layers.utils.smart_cond "
        "contrib.layers.utils.two_element_tuple contrib.slim.utils.channel_dimension "
        "contrib.slim.utils.constant_value contrib.slim.utils.get_variable_collections "
        "contrib.slim.utils.last_dimension contrib.slim.utils.n_positive_integers "
        "contrib.slim.utils.smart_cond contrib.slim.utils.two_element_tuple"
    ),
    "runtime.contrib.layers.training": (
        "contrib.layers.optimize_loss contrib.slim.optimize_loss"
    ),
    "runtime.contrib.layers.weighted": (
        "contrib.layers.bias_add contrib.layers.conv1d contrib.layers.conv2d "
        "contrib.layers.conv2d_transpose contrib.layers.conv3d contrib.layers.convolution "
        "contrib.layers.convolution1d contrib.layers.convolution2d "
        "contrib.layers.convolution2d_transpose contrib.layers.convolution3d contrib.layers.elu "
        "contrib.layers.embed_sequence contrib.layers.fully_connected contrib.layers.linear "
        "contrib.layers.relu contrib.layers.relu6 contrib.layers.separable_conv2d "
        "contrib.layers.separable_convolution2d contrib.slim.bias_add contrib.slim.conv1d "
        "contrib.slim.conv2d contrib.slim.conv2d_transpose contrib.slim.conv3d "
        "contrib.slim.convolution contrib.slim.convolution1d contrib.slim.convolution2d "
        "contrib.slim.convolution2d_transpose contrib.slim.convolution3d contrib.slim.elu "
        "contrib.slim.fully_connected contrib.slim.linear contrib.slim.relu contrib.slim.relu6 "
        "contrib.slim.separable_conv2d contrib.slim.separable_convolution2d"
    ),
    "runtime.contrib.legacy_seq2seq.losses": (
        "contrib.legacy_seq2seq.model_with_buckets contrib.legacy_seq2seq.sequence_loss "
        "contrib.legacy_seq2seq.sequence_loss_by_example"
    ),
    "runtime.contrib.legacy_seq2seq.models": (
        "contrib.legacy_seq2seq.attention_decoder contrib.legacy_seq2seq.basic_rnn_seq2seq "
        "contrib.legacy_seq2seq.embedding_attention_decoder "
        "contrib.legacy_seq2seq.embedding_attention_seq2seq "
        "contrib.legacy_seq2seq.embedding_rnn_decoder "
        "contrib.legacy_seq2seq.embedding_rnn_seq2seq "
        "contrib.legacy_seq2seq.embedding_tied_rnn_seq2seq contrib.legacy_seq2seq.rnn_decoder "
        "contrib.legacy_seq2seq.tied_rnn_seq2seq"
    ),
    "runtime.contrib.losses.predictions_first": (
        "contrib.losses.absolute_difference contrib.losses.add_loss "
        "contrib.losses.compute_weighted_loss contrib.losses.cosine_distance "
        "contrib.losses.get_losses contrib.losses.get_regularization_losses "
        "contrib.losses.get_total_loss contrib.losses.hinge_loss contrib.losses.log_loss "
        "contrib.losses.mean_pairwise_squared_error contrib.losses.mean_squared_error "
        "contrib.losses.sigmoid_cross_entropy contrib.losses.softmax_cross_entropy "
        "contrib.losses.sparse_softmax_cross_entropy contrib.slim.losses.absolute_difference "
        "contrib.slim.losses.add_loss contrib.slim.losses.compute_weighted_loss "
        "contrib.slim.losses.cosine_distance contrib.slim.losses.get_losses "
        "contrib.slim.losses.get_regularization_losses contrib.slim.losses.get_total_loss "
        "contrib.slim.losses.hinge_loss contrib.slim.losses.log_loss "
        "contrib.slim.losses.mean_pairwise_squared_error contrib.slim.losses.mean_squared_error "
        "contrib.slim.losses.sigmoid_cross_entropy contrib.slim.losses.softmax_cross_entropy "
        "contrib.slim.losses.sparse_softmax_cross_entropy"
    ),
    "runtime.contrib.metrics.streaming": (
        "contrib.metrics.accuracy contrib.metrics.aggregate_metric_map "
        "contrib.metrics.aggregate_metrics contrib.metrics.confusion_matrix "
        "contrib.metrics.streaming_accuracy contrib.metrics.streaming_auc "
        "contrib.metrics.streaming_false_negatives contrib.metrics.streaming_false_positives "
        "contrib.metrics.streaming_mean contrib.metrics.streaming_mean_absolute_error "
        "contrib.metrics.streaming_mean_cosine_distance contrib.metrics.streaming_mean_iou "
        "contrib.metrics.streaming_mean_relative_error "
        "contrib.metrics.streaming_mean_squared_error contrib.metrics.streaming_mean_tensor "
        "contrib.metrics.streaming_percentage_less contrib.metrics.streaming_precision "
        "contrib.metrics.streaming_precision_at_thresholds contrib.metrics.streaming_recall "
        "contrib.metrics.streaming_recall_at_thresholds "
        "contrib.metrics.streaming_root_mean_squared_error "
        "contrib.metrics.streaming_sensitivity_at_specificity "
        "contrib.metrics.streaming_sparse_precision_at_k "
        "contrib.metrics.streaming_sparse_recall_at_k "
        "contrib.metrics.streaming_specificity_at_sensitivity "
        "contrib.metrics.streaming_true_negatives contrib.metrics.streaming_true_positives"
    ),
    "runtime.contrib.opt.optimizers": (
        "contrib.opt.AdamWOptimizer contrib.opt.DecoupledWeightDecayExtension "
        "contrib.opt.LazyAdamOptimizer contrib.opt.MomentumWOptimizer "
        "contrib.opt.NadamOptimizer contrib.opt.extend_with_decoupled_weight_decay"
    ),
    "runtime.contrib.rnn.cells": (
        "contrib.rnn.AttentionCellWrapper contrib.rnn.EmbeddingWrapper contrib.rnn.GRUBlockCell "
        "contrib.rnn.GRUBlockCellV2 contrib.rnn.InputProjectionWrapper "
        "contrib.rnn.LSTMBlockCell contrib.rnn.LayerNormBasicLSTMCell "
        "contrib.rnn.OutputProjectionWrapper"
    ),
    "runtime.contrib.rnn.stacks": (
        "contrib.rnn.stack_bidirectional_dynamic_rnn contrib.rnn.stack_bidirectional_rnn"
    ),
    "runtime.contrib.seq2seq.attention": (
        "contrib.seq2seq.AttentionMechanism contrib.seq2seq.AttentionWrapper "
        "contrib.seq2seq.AttentionWrapperState contrib.seq2seq.BahdanauAttention "
        "contrib.seq2seq.LuongAttention"
    ),
    "runtime.contrib.seq2seq.beams": (
        "contrib.seq2seq.BeamSearchDecoder contrib.seq2seq.BeamSearchDecoderOutput "
        "contrib.seq2seq.BeamSearchDecoderState contrib.seq2seq.FinalBeamSearchDecoderOutput"
    ),
    "runtime.contrib.seq2seq.decoding": (
        "contrib.seq2seq.BasicDecoder contrib.seq2seq.BasicDecoderOutput "
        "contrib.seq2seq.Decoder contrib.seq2seq.dynamic_decode"
    ),
    "runtime.contrib.seq2seq.feeding": (
        "contrib.seq2seq.CustomHelper contrib.seq2seq.GreedyEmbeddingHelper "
        "contrib.seq2seq.Helper contrib.seq2seq.SampleEmbeddingHelper "
        "contrib.seq2seq.ScheduledEmbeddingTrainingHelper "
        "contrib.seq2seq.ScheduledOutputTrainingHelper contrib.seq2seq.TrainingHelper"
    ),
    "runtime.contrib.seq2seq.sequences": (
        "contrib.seq2seq.gather_tree contrib.seq2seq.sequence_loss contrib.seq2seq.tile_batch"
    ),
    "runtime.contrib.slim.model_analyzer": (
        "contrib.slim.model_analyzer.analyze_ops contrib.slim.model_analyzer.analyze_vars "
        "contrib.slim.model_analyzer.tensor_description"
    ),
    "runtime.contrib.training.evaluations": (
        "contrib.slim.evaluation.StopAfterNEvalsHook contrib.slim.evaluation.SummaryAtEndHook "
        "contrib.slim.evaluation.checkpoints_iterator contrib.slim.evaluation.evaluate_once "
        "contrib.slim.evaluation.evaluation_loop "
        "contrib.slim.evaluation.wait_for_new_checkpoint contrib.training.StopAfterNEvalsHook "
        "contrib.training.SummaryAtEndHook contrib.training.checkpoints_iterator "
        "contrib.training.evaluate_once contrib.training.evaluate_repeatedly "
        "contrib.training.get_or_create_eval_step contrib.training.wait_for_new_checkpoint"
    ),
    "runtime.contrib.training.hyperparameters": (
        "contrib.training.HParams contrib.training.parse_values"
    ),
    "runtime.contrib.training.steps": (
        "contrib.slim.learning.add_gradients_summaries "
        "contrib.slim.learning.clip_gradient_norms contrib.slim.learning.create_train_op "
        "contrib.slim.learning.multiply_gradients contrib.slim.learning.train "
        "contrib.slim.learning.train_step contrib.training.add_gradients_summaries "
        "contrib.training.clip_gradient_norms contrib.training.clip_gradient_norms_fn "
        "contrib.training.create_train_op contrib.training.multiply_gradients "
        "contrib.training.train"
    ),
    "runtime.data.structures": (
        "TensorSpec"
    ),
    "runtime.example_parsing": (
        "FixedLenFeature FixedLenSequenceFeature SparseFeature VarLenFeature io.FixedLenFeature "
        "io.FixedLenSequenceFeature io.SparseFeature io.VarLenFeature io.parse_example "
        "io.parse_single_example io.parse_single_sequence_example parse_example "
        "parse_single_example parse_single_sequence_example"
    ),
    "runtime.files": (
        "gfile.Copy gfile.DeleteRecursively gfile.Exists gfile.FastGFile gfile.GFile gfile.Glob "
        "gfile.IsDirectory gfile.ListDirectory gfile.MakeDirs gfile.MkDir gfile.Open "
        "gfile.Remove gfile.Rename gfile.Stat gfile.Walk io.gfile.GFile io.gfile.copy "
        "io.gfile.exists io.gfile.glob io.gfile.isdir io.gfile.listdir io.gfile.makedirs "
        "io.gfile.mkdir io.gfile.remove io.gfile.rename io.gfile.rmtree io.gfile.stat "
        "io.gfile.walk"
    ),
    "runtime.graph.choices": (
        "UnconnectedGradients VariableAggregation VariableSynchronization"
    ),
    "runtime.graph.config": (
        "ConfigProto DebugOptions DeviceStepStats GPUOptions GraphOptions NodeExecStats "
        "OptimizerOptions RunMetadata RunOptions StepStats"
    ),
    "runtime.graph.convert": (
        "constant convert_to_tensor register_tensor_conversion_function"
    ),
    "runtime.graph.definition": (
        "NodeDef"
    ),
    "runtime.graph.devices": (
        "DeviceSpec"
    ),
    "runtime.graph.distributions.base": (
        "contrib.distributions.Distribution contrib.distributions.FULLY_REPARAMETERIZED "
        "contrib.distributions.NOT_REPARAMETERIZED contrib.distributions.RegisterKL "
        "contrib.distributions.ReparameterizationType contrib.distributions.kl_divergence "
        "distributions.Distribution distributions.FULLY_REPARAMETERIZED "
        "distributions.NOT_REPARAMETERIZED distributions.RegisterKL "
        "distributions.ReparameterizationType distributions.kl_divergence"
    ),
    "runtime.graph.distributions.continuous": (
        "contrib.distributions.Beta contrib.distributions.Exponential "
        "contrib.distributions.Gamma contrib.distributions.Laplace contrib.distributions.Normal "
        "contrib.distributions.StudentT contrib.distributions.Uniform distributions.Beta "
        "distributions.Exponential distributions.Gamma distributions.Laplace "
        "distributions.Normal distributions.StudentT distributions.Uniform"
    ),
    "runtime.graph.distributions.discrete": (
        "contrib.distributions.Bernoulli contrib.distributions.Categorical "
        "contrib.distributions.Multinomial contrib.distributions.OneHotCategorical "
        "contrib.distributions.Poisson distributions.Bernoulli distributions.Categorical "
        "distributions.Multinomial"
    ),
    "runtime.graph.distributions.vectors": (
        "contrib.distributions.Dirichlet contrib.distributions.DirichletMultinomial "
        "contrib.distributions.ExpRelaxedOneHotCategorical "
        "contrib.distributions.MultivariateNormalDiag "
        "contrib.distributions.MultivariateNormalFullCovariance "
        "contrib.distributions.MultivariateNormalTriL "
        "contrib.distributions.RelaxedOneHotCategorical distributions.Dirichlet "
        "distributions.DirichletMultinomial"
    ),
    "runtime.graph.dtypes": (
        "DType as_dtype bool complex128 complex64 double float16 float32 float64 half int16 "
        "int32 int64 int8 resource string uint16 uint32 uint64 uint8 variant"
    ),
    "runtime.graph.gradients": (
        "AggregationMethod NoGradient NotDifferentiable RegisterGradient custom_gradient "
        "grad_pass_through gradients hessians no_gradient"
    ),
    "runtime.graph.graph": (
        "Graph add_to_collection add_to_collections colocate_with control_dependencies device "
        "get_collection get_collection_ref get_default_graph get_default_session name_scope "
        "op_scope reset_default_graph"
    ),
    "runtime.graph.graph_def": (
        "GraphDef io.write_graph"
    ),
    "runtime.graph.indexed_slices": (
        "IndexedSlices IndexedSlicesValue"
    ),
    "runtime.graph.initializers": (
        "constant_initializer glorot_normal_initializer glorot_uniform_initializer "
        "initializers.constant initializers.glorot_normal initializers.glorot_uniform "
        "initializers.he_normal initializers.he_uniform initializers.identity "
        "initializers.lecun_normal initializers.lecun_uniform initializers.ones "
        "initializers.orthogonal initializers.random_normal initializers.random_uniform "
        "initializers.truncated_normal initializers.uniform_unit_scaling "
        "initializers.variance_scaling initializers.zeros ones_initializer "
        "orthogonal_initializer random_normal_initializer random_uniform_initializer "
        "truncated_normal_initializer uniform_unit_scaling_initializer "
        "variance_scaling_initializer zeros_initializer"
    ),
    "runtime.graph.keys": (
        "GraphKeys"
    ),
    "runtime.graph.layer": (
        "layers.InputSpec layers.Layer"
    ),
    "runtime.graph.layers": (
        "layers.AveragePooling1D layers.AveragePooling2D layers.BatchNormalization "
        "layers.Conv1D layers.Conv2D layers.Conv2DTranspose layers.Dense layers.Dropout "
        "layers.Flatten layers.MaxPooling1D layers.MaxPooling2D layers.SeparableConv1D "
        "layers.SeparableConv2D layers.average_pooling1d layers.average_pooling2d "
        "layers.batch_normalization layers.conv1d layers.conv2d layers.conv2d_transpose "
        "layers.dense layers.dropout layers.flatten layers.max_pooling1d layers.max_pooling2d "
        "layers.separable_conv1d layers.separable_conv2d"
    ),
    "runtime.graph.layers_3d": (
        "layers.AveragePooling3D layers.Conv3D layers.Conv3DTranspose layers.MaxPooling3D "
        "layers.average_pooling3d layers.conv3d layers.conv3d_transpose layers.max_pooling3d"
    ),
    "runtime.graph.losses": (
        "losses.Reduction losses.absolute_difference losses.add_loss "
        "losses.compute_weighted_loss losses.cosine_distance losses.get_losses "
        "losses.get_regularization_loss losses.get_regularization_losses losses.get_total_loss "
        "losses.hinge_loss losses.huber_loss losses.log_loss losses.mean_pairwise_squared_error "
        "losses.mean_squared_error losses.sigmoid_cross_entropy losses.softmax_cross_entropy "
        "losses.sparse_softmax_cross_entropy nn.compute_average_loss "
        "nn.scale_regularization_loss"
    ),
    "runtime.graph.metrics": (
        "metrics.accuracy metrics.auc metrics.average_precision_at_k metrics.false_negatives "
        "metrics.false_negatives_at_thresholds metrics.false_positives "
        "metrics.false_positives_at_thresholds metrics.mean metrics.mean_absolute_error "
        "metrics.mean_cosine_distance metrics.mean_iou metrics.mean_per_class_accuracy "
        "metrics.mean_relative_error metrics.mean_squared_error metrics.mean_tensor "
        "metrics.percentage_below metrics.precision metrics.precision_at_k "
        "metrics.precision_at_thresholds metrics.precision_at_top_k metrics.recall "
        "metrics.recall_at_k metrics.recall_at_thresholds metrics.recall_at_top_k "
        "metrics.root_mean_squared_error metrics.sensitivity_at_specificity "
        "metrics.sparse_average_precision_at_k metrics.sparse_precision_at_k "
        "metrics.specificity_at_sensitivity metrics.true_negatives "
        "metrics.true_negatives_at_thresholds metrics.true_positives "
        "metrics.true_positives_at_thresholds"
    ),
    "runtime.graph.nest": (
        "nest.assert_same_structure nest.flatten nest.is_nested nest.map_structure "
        "nest.pack_sequence_as"
    ),
    "runtime.graph.operation": (
        "Operation"
    ),
    "runtime.graph.ops.activation": (
        "math.softplus math.softsign math.zero_fraction nn.crelu nn.elu nn.leaky_relu nn.relu "
        "nn.relu6 nn.relu_layer nn.selu nn.silu nn.softplus nn.softsign nn.swish nn.xw_plus_b "
        "nn.zero_fraction"
    ),
    "runtime.graph.ops.array": (
        "boolean_mask concat expand_dims fill gather identity manip.reshape one_hot ones "
        "ones_like placeholder placeholder_with_default range rank reshape shape size slice "
        "squeeze stack stop_gradient transpose unstack where zeros zeros_like"
    ),
    "runtime.graph.ops.boxes": (
        "image.crop_and_resize image.draw_bounding_boxes image.extract_glimpse "
        "image.non_max_suppression image.sample_distorted_bounding_box"
    ),
    "runtime.graph.ops.checks": (
        "add_check_numerics_ops assert_equal assert_greater assert_greater_equal assert_integer "
        "assert_less assert_less_equal assert_near assert_negative assert_non_negative "
        "assert_non_positive assert_none_equal assert_positive assert_proper_iterable "
        "assert_rank assert_rank_at_least assert_rank_in assert_same_float_dtype assert_scalar "
        "assert_type check_numerics debugging.assert_all_finite debugging.assert_equal "
        "debugging.assert_greater debugging.assert_greater_equal debugging.assert_integer "
        "debugging.assert_less debugging.assert_less_equal debugging.assert_near "
        "debugging.assert_negative debugging.assert_non_negative debugging.assert_non_positive "
        "debugging.assert_none_equal debugging.assert_positive debugging.assert_proper_iterable "
        "debugging.assert_rank debugging.assert_rank_at_least debugging.assert_rank_in "
        "debugging.assert_same_float_dtype debugging.assert_scalar debugging.assert_type "
        "debugging.check_numerics debugging.is_numeric_tensor is_numeric_tensor "
        "verify_tensor_all_finite"
    ),
    "runtime.graph.ops.colors": (
        "image.adjust_brightness image.adjust_contrast image.adjust_gamma image.adjust_hue "
        "image.adjust_saturation image.convert_image_dtype image.grayscale_to_rgb "
        "image.hsv_to_rgb image.per_image_standardization image.random_brightness "
        "image.random_contrast image.random_hue image.random_saturation image.rgb_to_grayscale "
        "image.rgb_to_hsv image.rgb_to_yiq image.rgb_to_yuv image.yiq_to_rgb image.yuv_to_rgb"
    ),
    "runtime.graph.ops.cond": (
        "cond"
    ),
    "runtime.graph.ops.control_flow": (
        "Assert Print debugging.Assert group no_op print tuple"
    ),
    "runtime.graph.ops.convolution": (
        "depth_to_space nn.atrous_conv2d nn.conv1d nn.conv2d nn.conv2d_backprop_filter "
        "nn.conv2d_backprop_input nn.conv2d_transpose nn.depth_to_space nn.depthwise_conv2d "
        "nn.depthwise_conv2d_native nn.separable_conv2d nn.space_to_depth space_to_depth"
    ),
    "runtime.graph.ops.ctc": (
        "edit_distance nn.ctc_beam_search_decoder nn.ctc_beam_search_decoder_v2 "
        "nn.ctc_greedy_decoder nn.ctc_loss"
    ),
    "runtime.graph.ops.data_flow": (
        "FIFOQueue PaddingFIFOQueue PriorityQueue QueueBase RandomShuffleQueue "
        "io.PaddingFIFOQueue io.PriorityQueue io.RandomShuffleQueue queue.FIFOQueue "
        "queue.PaddingFIFOQueue queue.PriorityQueue queue.QueueBase queue.RandomShuffleQueue"
    ),
    "runtime.graph.ops.functional": (
        "case foldl foldr map_fn scan switch_case"
    ),
    "runtime.graph.ops.image_quality": (
        "image.image_gradients image.psnr image.sobel_edges image.ssim image.total_variation"
    ),
    "runtime.graph.ops.images": (
        "image.central_crop image.crop_to_bounding_box image.flip_left_right image.flip_up_down "
        "image.pad_to_bounding_box image.random_crop image.random_flip_left_right "
        "image.random_flip_up_down image.resize_image_with_crop_or_pad "
        "image.resize_image_with_pad image.resize_with_crop_or_pad image.rot90 image.transpose "
        "image.transpose_image"
    ),
    "runtime.graph.ops.indexing": (
        "argsort batch_gather bincount confusion_matrix dynamic_partition dynamic_stitch "
        "gather_nd histogram_fixed_width invert_permutation manip.gather_nd manip.scatter_nd "
        "math.bincount math.confusion_matrix math.invert_permutation scatter_nd searchsorted "
        "setdiff1d sort tensor_scatter_add tensor_scatter_nd_add tensor_scatter_nd_max "
        "tensor_scatter_nd_min tensor_scatter_nd_sub tensor_scatter_nd_update "
        "tensor_scatter_sub tensor_scatter_update unique unique_with_counts unravel_index"
    ),
    "runtime.graph.ops.layout": (
        "batch_to_space batch_to_space_nd bitcast broadcast_dynamic_shape "
        "broadcast_static_shape broadcast_to ensure_shape identity_n linalg.matrix_transpose "
        "linalg.transpose manip.batch_to_space_nd manip.reverse manip.roll "
        "manip.space_to_batch_nd manip.tile matrix_transpose meshgrid nn.space_to_batch pad "
        "parallel_stack repeat reverse reverse_sequence reverse_v2 roll sequence_mask shape_n "
        "space_to_batch space_to_batch_nd split strided_slice tile where_v2"
    ),
    "runtime.graph.ops.linear_algebra": (
        "cholesky cholesky_solve linalg.adjoint linalg.cholesky linalg.cholesky_solve "
        "linalg.det linalg.eigh linalg.eigvalsh linalg.inv linalg.logdet linalg.lstsq "
        "linalg.matvec linalg.qr linalg.slogdet linalg.solve linalg.svd linalg.triangular_solve "
        "matrix_determinant matrix_inverse matrix_solve matrix_solve_ls matrix_triangular_solve "
        "qr self_adjoint_eig self_adjoint_eigvals svd"
    ),
    "runtime.graph.ops.lookup": (
        "contrib.lookup.HashTable contrib.lookup.KeyValueTensorInitializer "
        "contrib.lookup.MutableHashTable contrib.lookup.TextFileIndex "
        "contrib.lookup.TextFileInitializer lookup.KeyValueTensorInitializer "
        "lookup.StaticHashTable lookup.StaticVocabularyTable lookup.TextFileIndex "
        "lookup.TextFileInitializer lookup.experimental.MutableHashTable "
        "string_to_hash_bucket_fast strings.to_hash_bucket_fast"
    ),
    "runtime.graph.ops.loops": (
        "while_loop"
    ),
    "runtime.graph.ops.math": (
        "abs add add_n atan2 cast ceil clip_by_value conj cos debugging.is_finite "
        "debugging.is_inf debugging.is_nan div div_no_nan divide dtypes.cast "
        "dtypes.saturate_cast equal exp expm1 floor floor_div floordiv floormod greater "
        "greater_equal is_finite is_inf is_nan less less_equal linalg.matmul log log1p "
        "logical_and logical_not logical_or logical_xor math.abs math.add math.add_n math.atan2 "
        "math.ceil math.conj math.cos math.divide math.divide_no_nan math.equal math.exp "
        "math.expm1 math.floor math.floordiv math.floormod math.greater math.greater_equal "
        "math.is_finite math.is_inf math.is_nan math.less math.less_equal math.log math.log1p "
        "math.logical_and math.logical_not math.logical_or math.logical_xor math.maximum "
        "math.minimum math.mod math.multiply math.negative math.not_equal math.pow "
        "math.reciprocal math.round math.rsqrt math.sigmoid math.sign math.sin math.sqrt "
        "math.square math.squared_difference math.subtract math.tan math.tanh math.truediv "
        "matmul maximum minimum mod mul multiply neg negative nn.sigmoid nn.tanh not_equal pow "
        "realdiv reciprocal round rsqrt saturate_cast sigmoid sign sin sqrt square "
        "squared_difference sub subtract tan tanh to_complex128 to_complex64 to_double to_float "
        "to_int32 to_int64 truediv truncatediv truncatemod"
    ),
    "runtime.graph.ops.nn": (
        "math.in_top_k math.log_softmax math.softmax math.top_k nn.bias_add nn.in_top_k "
        "nn.l2_loss nn.log_poisson_loss nn.log_softmax nn.sigmoid_cross_entropy_with_logits "
        "nn.softmax nn.softmax_cross_entropy_with_logits "
        "nn.softmax_cross_entropy_with_logits_v2 nn.sparse_softmax_cross_entropy_with_logits "
        "nn.top_k nn.weighted_cross_entropy_with_logits"
    ),
    "runtime.graph.ops.normalization": (
        "math.l2_normalize nn.batch_norm_with_global_normalization nn.batch_normalization "
        "nn.fused_batch_norm nn.l2_normalize nn.local_response_normalization nn.lrn nn.moments "
        "nn.normalize_moments nn.sufficient_statistics nn.weighted_moments"
    ),
    "runtime.graph.ops.norms": (
        "clip_by_average_norm clip_by_global_norm clip_by_norm global_norm linalg.global_norm"
    ),
    "runtime.graph.ops.pooling": (
        "nn.avg_pool nn.avg_pool1d nn.avg_pool2d nn.max_pool nn.max_pool1d nn.max_pool2d "
        "nn.max_pool_with_argmax"
    ),
    "runtime.graph.ops.products": (
        "cross diag diag_part einsum eye linalg.band_part linalg.cross linalg.diag "
        "linalg.diag_part linalg.einsum linalg.eye linalg.norm linalg.set_diag "
        "linalg.tensor_diag linalg.tensor_diag_part linalg.tensordot linalg.trace "
        "matrix_band_part matrix_diag matrix_diag_part matrix_set_diag norm tensordot trace"
    ),
    "runtime.graph.ops.random": (
        "get_seed multinomial random.categorical random.gamma random.get_seed "
        "random.multinomial random.normal random.poisson random.set_random_seed random.shuffle "
        "random.truncated_normal random.uniform random_crop random_gamma random_normal "
        "random_poisson random_shuffle random_uniform set_random_seed truncated_normal"
    ),
    "runtime.graph.ops.reduction": (
        "arg_max arg_min argmax argmin count_nonzero math.argmax math.argmin math.count_nonzero "
        "math.reduce_all math.reduce_any math.reduce_euclidean_norm math.reduce_logsumexp "
        "math.reduce_max math.reduce_mean math.reduce_min math.reduce_prod math.reduce_std "
        "math.reduce_sum math.reduce_variance reduce_all reduce_any reduce_logsumexp reduce_max "
        "reduce_mean reduce_min reduce_prod reduce_sum"
    ),
    "runtime.graph.ops.resizing": (
        "image.ResizeMethod image.resize image.resize_area image.resize_bicubic "
        "image.resize_bilinear image.resize_images image.resize_nearest_neighbor"
    ),
    "runtime.graph.ops.sampling": (
        "nn.all_candidate_sampler nn.compute_accidental_hits nn.dropout nn.embedding_lookup "
        "nn.fixed_unigram_candidate_sampler nn.log_uniform_candidate_sampler nn.nce_loss "
        "nn.sampled_softmax_loss nn.uniform_candidate_sampler random.all_candidate_sampler "
        "random.fixed_unigram_candidate_sampler random.log_uniform_candidate_sampler "
        "random.uniform_candidate_sampler"
    ),
    "runtime.graph.ops.script": (
        "numpy_function py_func"
    ),
    "runtime.graph.ops.segments": (
        "math.segment_max math.segment_mean math.segment_min math.segment_prod math.segment_sum "
        "math.unsorted_segment_max math.unsorted_segment_mean math.unsorted_segment_min "
        "math.unsorted_segment_prod math.unsorted_segment_sqrt_n math.unsorted_segment_sum "
        "segment_max segment_mean segment_min segment_prod segment_sum unsorted_segment_max "
        "unsorted_segment_mean unsorted_segment_min unsorted_segment_prod "
        "unsorted_segment_sqrt_n unsorted_segment_sum"
    ),
    "runtime.graph.ops.signal": (
        "fft fft2d fft3d ifft ifft2d ifft3d signal.fft signal.fft2d signal.fft3d "
        "signal.fftshift signal.frame signal.hamming_window signal.hann_window signal.ifft "
        "signal.ifft2d signal.ifft3d signal.ifftshift signal.inverse_stft "
        "signal.inverse_stft_window_fn signal.irfft signal.irfft2d signal.overlap_and_add "
        "signal.rfft signal.rfft2d signal.stft spectral.fft spectral.fft2d spectral.fft3d "
        "spectral.ifft spectral.ifft2d spectral.ifft3d spectral.irfft spectral.irfft2d "
        "spectral.rfft spectral.rfft2d"
    ),
    "runtime.graph.ops.sparse": (
        "convert_to_tensor_or_sparse_tensor sparse.add sparse.concat sparse.expand_dims "
        "sparse.eye sparse.fill_empty_rows sparse.from_dense sparse.mask sparse.matmul "
        "sparse.maximum sparse.minimum sparse.placeholder sparse.reduce_max "
        "sparse.reduce_max_sparse sparse.reduce_sum sparse.reduce_sum_sparse sparse.reorder "
        "sparse.reset_shape sparse.reshape sparse.retain sparse.segment_mean "
        "sparse.segment_sqrt_n sparse.segment_sum sparse.slice sparse.softmax "
        "sparse.sparse_dense_matmul sparse.split sparse.to_dense sparse.to_indicator "
        "sparse.transpose sparse_add sparse_concat sparse_fill_empty_rows sparse_mask "
        "sparse_matmul sparse_maximum sparse_minimum sparse_placeholder sparse_reduce_max "
        "sparse_reduce_max_sparse sparse_reduce_sum sparse_reduce_sum_sparse sparse_reorder "
        "sparse_reset_shape sparse_reshape sparse_retain sparse_segment_mean "
        "sparse_segment_sqrt_n sparse_segment_sum sparse_slice sparse_softmax sparse_split "
        "sparse_tensor_dense_matmul sparse_tensor_to_dense sparse_to_dense sparse_to_indicator "
        "sparse_transpose"
    ),
    "runtime.graph.ops.sparse_lookup": (
        "nn.embedding_lookup_sparse nn.safe_embedding_lookup_sparse"
    ),
    "runtime.graph.ops.spatial": (
        "extract_image_patches image.extract_image_patches image.extract_patches "
        "nn.atrous_conv2d_transpose nn.avg_pool_v2 nn.conv1d_transpose nn.conv_transpose "
        "nn.convolution nn.depthwise_conv2d_backprop_filter nn.depthwise_conv2d_backprop_input "
        "nn.depthwise_conv2d_native_backprop_filter nn.depthwise_conv2d_native_backprop_input "
        "nn.dilation2d nn.erosion2d nn.max_pool_v2 nn.pool nn.with_space_to_batch"
    ),
    "runtime.graph.ops.special": (
        "accumulate_n acos acosh angle asin asinh atan atanh bitwise.bitwise_and "
        "bitwise.bitwise_or bitwise.bitwise_xor bitwise.invert bitwise.left_shift "
        "bitwise.right_shift complex cosh cumprod cumsum debugging.is_non_decreasing "
        "debugging.is_strictly_increasing digamma dtypes.complex erf erfc imag "
        "is_non_decreasing is_strictly_increasing lgamma lin_space linspace log_sigmoid "
        "math.accumulate_n math.acos math.acosh math.angle math.asin math.asinh math.atan "
        "math.atanh math.cosh math.cumprod math.cumsum math.digamma math.erf math.erfc "
        "math.imag math.is_non_decreasing math.is_strictly_increasing math.lgamma "
        "math.log_sigmoid math.multiply_no_nan math.polyval math.real math.reciprocal_no_nan "
        "math.rint math.scalar_mul math.sinh math.xdivy math.xlog1py math.xlogy real rint "
        "scalar_mul sinh"
    ),
    "runtime.graph.ops.tensor_array": (
        "TensorArray"
    ),
    "runtime.graph.ops.text": (
        "as_string dtypes.as_string reduce_join regex_replace string_join string_strip "
        "string_to_number strings.as_string strings.join strings.length strings.reduce_join "
        "strings.regex_replace strings.strip strings.substr strings.to_number substr"
    ),
    "runtime.graph.ops.vocabularies": (
        "contrib.lookup.index_table_from_file contrib.lookup.index_table_from_tensor "
        "contrib.lookup.index_to_string_table_from_file "
        "contrib.lookup.index_to_string_table_from_tensor"
    ),
    "runtime.graph.ops.volumes": (
        "nn.avg_pool3d nn.conv3d nn.conv3d_backprop_filter nn.conv3d_backprop_filter_v2 "
        "nn.conv3d_transpose nn.max_pool3d"
    ),
    "runtime.graph.partitions": (
        "fixed_size_partitioner min_max_variable_partitioner variable_axis_size_partitioner"
    ),
    "runtime.graph.rnn": (
        "nn.bidirectional_dynamic_rnn nn.dynamic_rnn nn.raw_rnn nn.static_bidirectional_rnn "
        "nn.static_rnn"
    ),
    "runtime.graph.rnn_cells": (
        "nn.rnn_cell.BasicLSTMCell nn.rnn_cell.BasicRNNCell nn.rnn_cell.DeviceWrapper "
        "nn.rnn_cell.DropoutWrapper nn.rnn_cell.GRUCell nn.rnn_cell.LSTMCell "
        "nn.rnn_cell.LSTMStateTuple nn.rnn_cell.MultiRNNCell nn.rnn_cell.RNNCell "
        "nn.rnn_cell.ResidualWrapper"
    ),
    "runtime.graph.scopes": (
        "AUTO_REUSE VariableScope get_local_variable get_variable get_variable_scope "
        "no_regularizer variable_op_scope variable_scope"
    ),
    "runtime.graph.session": (
        "InteractiveSession Session"
    ),
    "runtime.graph.shapes": (
        "Dimension TensorShape dimension_value"
    ),
    "runtime.graph.sparse_tensor": (
        "SparseTensor SparseTensorValue sparse.SparseTensor"
    ),
    "runtime.graph.tensor": (
        "Tensor"
    ),
    "runtime.graph.values": (
        "OpError container convert_to_tensor_or_indexed_slices dimension_at_index dtypes.DType "
        "dtypes.as_dtype dtypes.bool dtypes.complex128 dtypes.complex64 dtypes.double "
        "dtypes.float16 dtypes.float32 dtypes.float64 dtypes.half dtypes.int16 dtypes.int32 "
        "dtypes.int64 dtypes.int8 dtypes.resource dtypes.string dtypes.uint16 dtypes.uint32 "
        "dtypes.uint64 dtypes.uint8 dtypes.variant get_static_value init_scope "
        "is_symbolic_tensor is_tensor make_template timestamp"
    ),
    "runtime.graph.variables": (
        "Variable VariableV1 all_variables assert_variables_initialized assign assign_add "
        "assign_sub count_up_to global_variables global_variables_initializer "
        "initialize_all_tables initialize_all_variables initialize_local_variables "
        "initialize_variables initializers.global_variables initializers.local_variables "
        "initializers.tables_initializer initializers.variables is_variable_initialized "
        "local_variables local_variables_initializer model_variables moving_average_variables "
        "report_uninitialized_variables scatter_add scatter_div scatter_max scatter_min "
        "scatter_mul scatter_nd_add scatter_nd_sub scatter_nd_update scatter_sub scatter_update "
        "tables_initializer trainable_variables variables_initializer"
    ),
    "runtime.hook_replay": (
        "HookDifference HookReplay HooksDiffer NotRecorded replay_hooks"
    ),
    "runtime.image_files": (
        "image.adjust_jpeg_quality image.decode_bmp image.decode_gif image.decode_image "
        "image.decode_jpeg image.decode_png image.encode_jpeg image.encode_png "
        "image.extract_jpeg_shape image.is_jpeg image.random_jpeg_quality io.decode_bmp "
        "io.decode_gif io.decode_image io.decode_jpeg io.decode_png io.encode_jpeg "
        "io.encode_png io.extract_jpeg_shape io.is_jpeg"
    ),
    "runtime.input_pipeline": (
        "io.match_filenames_once train.batch train.batch_join train.input_producer "
        "train.limit_epochs train.match_filenames_once train.maybe_batch train.maybe_batch_join "
        "train.maybe_shuffle_batch train.maybe_shuffle_batch_join train.range_input_producer "
        "train.shuffle_batch train.shuffle_batch_join train.slice_input_producer "
        "train.string_input_producer"
    ),
    "runtime.parsing": (
        "decode_csv decode_raw io.decode_csv io.decode_raw io.matching_files io.read_file "
        "io.write_file matching_files read_file string_split strings.split write_file"
    ),
    "runtime.readers": (
        "FixedLengthRecordReader IdentityReader ReaderBase TFRecordReader TextLineReader "
        "WholeFileReader"
    ),
    "runtime.record_file": (
        "io.TFRecordCompressionType io.TFRecordOptions io.TFRecordWriter io.tf_record_iterator "
        "python_io.TFRecordCompressionType python_io.TFRecordOptions python_io.TFRecordWriter "
        "python_io.tf_record_iterator"
    ),
    "runtime.train": (
        "MetaGraphDef MonitoredSession"
    ),
    "runtime.unit_tests": (
        "test.TestCase test.compute_gradient test.compute_gradient_error test.get_temp_dir "
        "test.main test.mock"
    ),
}
