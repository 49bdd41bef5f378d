"""A web service that translates pictures: POST one to /translate, and get a PNG.

pip install imgtrans fastapi uvicorn
uvicorn --app-dir examples service:app
curl --data-binary @a.jpg http://127.0.0.1:8000/translate > winter.png
"""

import io
import os

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from PIL import Image

import imgtrans

MOST_BYTES = 20_000_000
model = imgtrans.load(os.environ.get("MODEL", "summer2winter"))
app = FastAPI(title=f"{model.card.source} to {model.card.target}")


def translated(content: bytes) -> bytes:
    """Translate one picture, in a thread of the pool; the model may be used by all of them."""
    png = io.BytesIO()
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG", "WEBP")) as image:
        model(image).save(png, "PNG")
    return png.getvalue()


@app.post("/translate")
async def translate(request: Request) -> Response:
    """Answer with the translation of the picture that is the request's body."""
    content = await request.body()
    if len(content) > MOST_BYTES:
        raise HTTPException(413, "the picture is too large")
    try:
        return Response(await run_in_threadpool(translated, content), media_type="image/png")
    except (OSError, Image.DecompressionBombError, imgtrans.errors.ImgtransError) as error:
        raise HTTPException(422, str(error)) from error
