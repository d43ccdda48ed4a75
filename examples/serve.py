"""A network behind HTTP, in processes that hold its weights once.

Run: python examples/serve.py MODEL [--onnx FILE] [--host H] [--port P] [--workers N] [--threads N]
     curl --data-binary @cat.jpg http://localhost:8000/predict

MODEL is a file that model.save() wrote, of a network that classifies images. It needs
pip install "cnnx[images]" fastapi uvicorn (and, for --onnx, onnxruntime).

The first process maps the file into memory and predicts once, which also prepares the kernels. Then
it forks its workers, which read the same memory.
Within a worker the server's threads predict with the one network side by side. With --onnx the same
network is served by ONNX Runtime too, under /onnxruntime/predict, to compare.
"""

import argparse
import contextlib
import gc
import io
import os
import signal
import socket
from collections.abc import Callable
from typing import Annotated

import fastapi
import numpy as np
import uvicorn
from PIL import Image

import cnnx
from cnnx.models import load_model


def pixels(content, shape):
    """Return a picture file as a batch of one image of this shape, from 0 to 255."""
    height, width, channels = shape
    picture = Image.open(io.BytesIO(content)).convert("L" if channels == 1 else "RGB")
    return np.asarray(picture.resize((width, height)), np.float32).reshape(1, *shape)


def cnnx_predictor(path) -> tuple[Callable, tuple]:
    """Return a function from a batch to shares, and the shape of one image."""
    model = load_model(path, mmap=True)
    shape = model.input_shape[1:]
    model.predict_on_batch(np.zeros((1, *shape), np.float32))
    return model.predict_on_batch, shape


def onnx_predictor(path, threads) -> Callable:
    """Return a function from a batch, its channels last, to shares."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options)
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def application(predictors, shape):
    """Return the server's routes: one for each predictor, the first also without its name."""
    app = fastapi.FastAPI()

    def add(path, predict):
        @app.post(path)
        def answer(content: Annotated[bytes, fastapi.Body(media_type="image/*")]):
            try:
                x = pixels(content, shape)
            except (OSError, ValueError) as error:
                raise fastapi.HTTPException(422, f"this is no picture: {error}") from None
            shares = predict(x)[0]
            number = int(shares.argmax())
            return {"class": number, "share": round(float(shares[number]), 4)}

    for number, (name, predict) in enumerate(predictors.items()):
        add(f"/{name}/predict", predict)
        if not number:
            add("/predict", predict)
    return app


def serve(listener, make):
    """Serve in this process until it is stopped."""
    server = uvicorn.Server(uvicorn.Config(make(), log_level="warning"))
    server.run(sockets=[listener])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="file of model.save()")
    parser.add_argument("--onnx", help="file of cnnx.onnx.save(), with its channels last")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--threads", type=int, default=1, help="threads of one prediction")
    options = parser.parse_args()

    cnnx.config.set_num_threads(options.threads)
    predict, shape = cnnx_predictor(options.model)

    def make():
        found = {"cnnx": predict}
        if options.onnx:  # each worker for itself: ONNX Runtime's threads do not survive a fork
            found["onnxruntime"] = onnx_predictor(options.onnx, options.threads)
        return application(found, shape)

    listener = socket.create_server((options.host, options.port), backlog=128)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # answers are short: no waiting
    gc.freeze()  # so that the workers' collectors do not touch, and copy, what is here
    print(f"http://{options.host}:{listener.getsockname()[1]}/predict", flush=True)
    workers = []
    for _ in range(options.workers - 1):
        worker = os.fork()
        if not worker:
            with contextlib.suppress(KeyboardInterrupt):
                serve(listener, make)
            os._exit(0)
        workers.append(worker)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            serve(listener, make)
    finally:
        for worker in workers:
            os.kill(worker, signal.SIGTERM)
        for worker in workers:
            os.waitpid(worker, 0)


if __name__ == "__main__":
    main()
