"""Callbacks: code of the user's that runs at set points of `fit`, and what cnnx brings along."""

from cnnx.callbacks.backup_and_restore import BackupAndRestore
from cnnx.callbacks.csv_logger import CSVLogger
from cnnx.callbacks.early_stopping import EarlyStopping
from cnnx.callbacks.lambda_callback import LambdaCallback
from cnnx.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from cnnx.callbacks.model_checkpoint import ModelCheckpoint
from cnnx.callbacks.swap_ema_weights import SwapEMAWeights
from cnnx.callbacks.tensorboard import TensorBoard
from cnnx.callbacks.terminate_on_nan import TerminateOnNaN
from cnnx.models.callback import Callback, History, Logs

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "Logs",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]
