"""Networks as estimators of scikit-learn: pipelines, searches and scores take them."""

from cnnx.extras import import_extra

import_extra("sklearn", "sklearn", "cnnx.sklearn")

from cnnx.sklearn.classifier import CNNClassifier  # noqa: E402
from cnnx.sklearn.regressor import CNNRegressor  # noqa: E402

__all__ = ["CNNClassifier", "CNNRegressor"]
